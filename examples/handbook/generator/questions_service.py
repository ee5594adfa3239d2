"""Questions on the service documents."""

from .ask import ask, euros, number
from .facts import CALLS, MACHINES, MODELS, OFFICES, PART_SALES, PARTS, RESPONSE, TORQUE, WARRANTY


def watts(amount: str) -> str:
    return f"{amount} kW|{amount}"


def degrees(amount: int) -> str:
    return f"{amount} degrees|{amount}|{amount} °C"


# The range

ask(
    "service/product-range",
    "parts for 12 years",
    "12 years",
    "l: For how many years are machines supported with parts?",
    "p: How long after production ends can customers still get spares?",
)
ask(
    "service/product-range",
    "Rill 20 was dropped",
    "2019",
    "m: When was the Rill 20 dropped?",
    "p: Since when have we stopped supporting the old Rill 20?",
)
ask(
    "service/product-range",
    "factory at Zwolle",
    "Zwolle|at Zwolle|in Zwolle",
    "p: Where are our machines made?",
)
ask(
    "service/product-range",
    "serial number starts",
    "the year of building|year of building|the year it was built",
    "p: What do the first digits on the type plate number tell me?",
)
ask(
    "service/product-range",
    "drawn for banqueting",
    "Skerry 500|the Skerry 500",
    "p: Which of our glasswashers suits a wedding venue?",
)
ask(
    "service/product-range",
    "fits under a counter",
    "Rill 60|the Rill 60",
    "p: Which water dispenser do we sell to schools?",
)

# Data sheets

ask(
    "service/tamber-2-data",
    "weighs 38",
    "38 kg|38",
    "m: How much does the Tamber 2 weigh?",
    "p: Can I lift a Tamber 2 alone? How heavy is it without water?",
)
ask("service/tamber-4-data", "carried by two people", "63 kg|63", "m: Weight of the Tamber 4?")
ask("service/rill-30-data", "weighs 24", "24 kg|24", "m: How many kilos is a Rill 30?")
ask("service/rill-60-data", "stands on the floor", "41 kg|41", "m: How heavy is the Rill 60?")
ask("service/skerry-400-data", "takes baskets", "47 kg|47", "m: Weight of a Skerry 400?")
ask("service/skerry-500-data", "measures 58", "59 kg|59", "m: How much does a Skerry 500 weigh?")
ask(
    "service/tamber-2-data",
    "ordinary socket",
    watts("2.9"),
    "m: How much power does the Tamber 2 draw?",
)
ask(
    "service/tamber-4-data",
    "electrical load",
    "32 A|32 amps|32",
    "m: What fuse protects the Tamber 4?",
    "p: An electrician asks which breaker to put in for a Tamber 4.",
)
ask(
    "service/skerry-400-data",
    "Connect 3.3",
    "16 A|16 amps|16",
    "m: What fuse does the Skerry 400 need?",
)
ask(
    "service/skerry-500-data",
    "three-phase supply",
    "20 A|20 amps|20",
    "m: Which fuses for the Skerry 500?",
    "p: Breaker size for the bigger glasswasher, Skerry 500?",
)
ask("service/skerry-500-data", "needs 6.2", watts("6.2"), "m: Electrical load of the Skerry 500?")
ask(
    "service/rill-60-data",
    "consumption is",
    watts("0.62"),
    "m: What's the power consumption of the Rill 60?",
)
ask("service/rill-30-data", "needs 0.35", watts("0.35"), "m: How many kilowatts for a Rill 30?")
ask(
    "service/tamber-2-data",
    "boiler holds",
    "4.5 litres|4.5",
    "m: How much does the Tamber 2 boiler hold?",
)
ask(
    "service/tamber-4-data",
    "Two boilers serve",
    "9 litres|9",
    "m: How big is the steam boiler in the Tamber 4?",
)
ask(
    "service/tamber-2-data",
    "Brewing takes place",
    degrees(92),
    "m: At what temperature does the Tamber 2 brew?",
)
ask(
    "service/tamber-4-data",
    "Coffee is brewed at",
    degrees(93),
    "m: Brewing temperature of the Tamber 4?",
)
ask(
    "service/tamber-2-data",
    "cups an hour",
    "110 cups|110",
    "m: How many cups an hour can the Tamber 2 make?",
    "p: A client with a Tamber 2 expects 100 guests within an hour. What can it manage at best?",
)
ask("service/tamber-4-data", "260 cups", "260 cups|260", "m: Cups per hour, Tamber 4?")
ask(
    "service/tamber-2-data",
    "64 decibels",
    "64 decibels|64 dB|64",
    "p: How loud does a Tamber 2 get when it's milling beans?",
)
ask(
    "service/tamber-4-data",
    "69 decibels",
    "69 decibels|69 dB|69",
    "p: Noise level of a Tamber 4 with both mills going?",
)
ask(
    "service/tamber-2-data",
    "Leave 10 cm",
    "10 cm",
    "m: How much room must be left behind a Tamber 2?",
)
ask("service/tamber-4-data", "15 cm are left", "15 cm", "m: How much space behind the Tamber 4?")
ask(
    "service/tamber-4-data",
    "between 2.5 and 7 bar",
    "7 bar|7",
    "m: What's the highest mains pressure for a Tamber 4?",
)
ask(
    "service/tamber-2-data",
    "between 2 and 6 bar",
    "2 bar|2",
    "m: What is the lowest supply pressure a Tamber 2 can have?",
)
ask(
    "service/tamber-4-data",
    "button cell",
    "four years|about four years|4 years",
    "p: How long does the little battery for the time display in a Tamber 4 last?",
)
ask(
    "service/rill-30-data",
    "refrigerant is R290",
    "45 grams|45 g|45",
    "m: How much R290 does the Rill 30 hold?",
)
ask(
    "service/rill-60-data",
    "80 grams",
    "80 grams|80 g|80",
    "m: How much R290 is in a Rill 60?",
    "p: What charge of refrigerant do I weigh in for the big water column, the Rill 60?",
)
ask("service/rill-30-data", "8 cm must", "8 cm", "m: How much clearance on the left of a Rill 30?")
ask(
    "service/rill-60-data",
    "12 cm between",
    "12 cm",
    "m: Distance between the Rill 60's grille and the wall?",
)
ask(
    "service/rill-30-data",
    "buffer tank takes",
    "3.2 litres|3.2",
    "m: Size of the buffer tank in the Rill 30?",
)
ask(
    "service/rill-60-data",
    "buffer tank contains",
    "7.5 litres|7.5",
    "m: What does the Rill 60's buffer tank contain?",
)
ask(
    "service/rill-30-data",
    "gas cylinder holds",
    "300 litres|about 300 litres",
    "p: How much fizzy water do I get out of one bottle of CO2 on a Rill 30 S?",
)
ask(
    "service/rill-30-data",
    "leave the tap at",
    degrees(7),
    "m: How cold is the water from a Rill 30?",
)
ask(
    "service/rill-60-data",
    "litres an hour at 6",
    degrees(6),
    "m: At which temperature does the Rill 60 dispense?",
)
ask(
    "service/rill-60-data",
    "ultraviolet light",
    "9,000 hours|9000 hours",
    "p: How long does the germ-killing lamp of a Rill 60 burn?",
    "m: Life of the ultraviolet lamp in the Rill 60?",
)
ask(
    "service/rill-60-data",
    "drip tray holds",
    "1.8 litres|1.8",
    "m: What does the drip tray of the Rill 60 hold?",
)
ask(
    "service/skerry-400-data",
    "A cycle of",
    "120 seconds|120|two minutes",
    "m: How long is a cycle of the Skerry 400?",
    "p: A barman wants to know how long he waits for a load in the Skerry 400.",
)
ask(
    "service/skerry-500-data",
    "short cycle",
    "90 seconds|90",
    "m: Length of the short cycle, Skerry 500?",
)
ask(
    "service/skerry-400-data",
    "rinse comes at",
    degrees(58),
    "m: At how many degrees does the Skerry 400 wash?",
)
ask(
    "service/skerry-500-data",
    "tank holds 17",
    degrees(82),
    "m: How hot is the rinse of the Skerry 500?",
)
ask(
    "service/skerry-400-data",
    "opening of the door",
    "29 cm",
    "m: How high is the door opening of the Skerry 400?",
    "p: Will 31 cm vases go in a Skerry 400? What's the clearance?",
)
ask("service/skerry-500-data", "clear height", "36 cm", "m: Clear height of the Skerry 500's door?")
ask(
    "service/skerry-400-data",
    "Detergent is dosed",
    "1.5 millilitres per litre|1.5 ml per litre|1.5 ml/l|1.5 millilitres",
    "m: How is detergent dosed on the Skerry 400, per litre?",
)
ask(
    "service/skerry-500-data",
    "Detergent is dosed",
    "2 millilitres per litre|2 ml per litre|2 ml/l|2 millilitres",
    "m: Detergent dose of the Skerry 500?",
)
ask(
    "service/skerry-400-data",
    "drain pump lifts",
    "60 cm|up to 60 cm",
    "m: How high can the drain pump of the Skerry 400 lift?",
)
ask(
    "service/skerry-500-data",
    "drain pump of the",
    "90 cm|up to 90 cm",
    "p: The waste pipe is up at 80 cm. What height can a Skerry 500 pump to?",
)
ask(
    "service/skerry-500-data",
    "That makes 40",
    "40 baskets|40",
    "m: How many baskets an hour can a Skerry 500 do?",
)
ask(
    "service/skerry-400-data",
    "30 baskets can",
    "30 baskets|30",
    "m: Baskets per hour on the Skerry 400?",
)
ask(
    "service/skerry-400-data",
    "marks in colour",
    "blue",
    "p: Which colour is the suction tube for the shine additive, Skerry 400?",
)

# Errors

ask(
    "service/tamber-2-errors",
    "E11:",
    "no water flows|no water|there is no water flow",
    "m: What does E11 mean on a Tamber 2?",
)
ask(
    "service/tamber-2-errors",
    "E14:",
    "the boiler is overfilled|boiler is overfilled|overfilled boiler",
    "m: Tamber 2 shows E14, what is it?",
    "p: A Tamber 2 has E14 on its display. What's wrong with it?",
)
ask(
    "service/tamber-4-errors",
    "E14:",
    "the steam boiler has lost pressure|steam boiler has lost pressure|loss of pressure in the steam boiler",
    "m: What is E14 on the Tamber 4?",
    "m: E14 came up on a canteen's Tamber 4. Meaning?",
)
ask(
    "service/tamber-2-errors",
    "E21:",
    "18 ohms|18",
    "m: E21 on the Tamber 2: how many ohms should the element read?",
)
ask(
    "service/tamber-4-errors",
    "E21:",
    "the coffee boiler does not heat|coffee boiler does not heat",
    "m: Meaning of E21 on a Tamber 4?",
)
ask(
    "service/tamber-2-errors",
    "E27:",
    "E27",
    "p: Which code tells me that the heat probe on a Tamber 2 is unplugged?",
)
ask(
    "service/tamber-2-errors",
    "E32:",
    "E32",
    "p: There's a pebble stuck in a Tamber 2's mill. Which code would that give?",
)
ask(
    "service/tamber-4-errors",
    "E33:",
    "E33",
    "p: The mill on the right side of a Tamber 4 is jammed. Which error?",
    "m: Which code shows that the right grinder of the Tamber 4 is blocked?",
)
ask(
    "service/tamber-2-errors",
    "E41:",
    "clean and grease the spindle|grease the spindle",
    "m: Tamber 2 with E41, what do I do?",
)
ask(
    "service/tamber-4-errors",
    "E41:",
    "clean the magnet",
    "m: What's the remedy for E41 on the Tamber 4?",
    "m: E41 on a Tamber 4, how do I fix it?",
)
ask(
    "service/tamber-4-errors",
    "E58:",
    "the chip card cannot be read|chip card cannot be read|unreadable chip card",
    "m: What does E58 say on a Tamber 4?",
)
ask(
    "service/tamber-2-errors",
    "E58:",
    "the machine has lost its settings|lost its settings",
    "m: E58 on the Tamber 2?",
)
ask(
    "service/tamber-4-errors",
    "E63:",
    "four minutes|within four minutes|4 minutes",
    "p: The board's cooling fan died in a Tamber 4. How long till it shuts down?",
)
ask(
    "service/tamber-4-errors",
    "E29:",
    "E29",
    "p: Which code appears when there's a puddle inside a Tamber 4?",
)
ask(
    "service/tamber-2-errors",
    "Press the cup key",
    "five seconds|5 seconds|for five seconds",
    "m: How long do I press the cup key to clear an error on the Tamber 2?",
)
ask(
    "service/tamber-4-errors",
    "They are cleared by",
    "opening and closing the service door|open and close the service door",
    "p: How do I get rid of a fault message on a Tamber 4 after the repair?",
)
ask(
    "service/tamber-2-errors",
    "The last 20",
    "20|20 errors|the last 20",
    "m: How many errors does the Tamber 2 keep?",
)
ask(
    "service/rill-errors",
    "- Two flashes",
    "Two|two flashes|2",
    "p: How many blinks tell me that a Rill's cartridge is used up?",
)
ask(
    "service/rill-errors",
    "- Three flashes",
    "the leak sensor in the base is wet|leak sensor is wet|the leak sensor is wet",
    "m: My Rill 30 flashes red three times. What is it?",
    "l: What do three flashes mean on a Rill?",
)
ask(
    "service/rill-errors",
    "- Four flashes",
    "the condenser is too hot|condenser is too hot|hot condenser",
    "m: Rill 60, four flashes?",
    "l: What do four flashes on a Rill stand for?",
)
ask(
    "service/rill-errors",
    "- Five flashes",
    "the relay|relay",
    "p: A Rill gives five blinks. What part do I test before condemning the compressor?",
)
ask(
    "service/rill-errors",
    "- Six flashes",
    "the ultraviolet lamp has failed|ultraviolet lamp has failed|ultraviolet lamp failed",
    "m: What do six flashes on a Rill 60 mean?",
)
ask(
    "service/rill-errors",
    "- Seven flashes",
    "the gas cylinder is empty|gas cylinder is empty|empty gas cylinder",
    "p: The fizzy version of the Rill blinks seven times. Reason?",
)
ask(
    "service/rill-errors",
    "pull the plug for",
    "30 seconds|for 30 seconds",
    "l: How long do I pull the plug to clear an error on a Rill?",
)
ask(
    "service/skerry-400-errors",
    "F03:",
    "clean the inlet filter|the inlet filter",
    "m: Skerry 400 with F03: what should I clean?",
)
ask(
    "service/skerry-500-errors",
    "F03:",
    "the softener is short of salt|softener is short of salt|short of salt",
    "m: What does F03 mean on a Skerry 500?",
    "m: A Skerry 500 says F03. What's missing?",
)
ask(
    "service/skerry-400-errors",
    "F06:",
    "the tank is not heating|tank is not heating",
    "m: Meaning of F06, Skerry 400?",
)
ask(
    "service/skerry-500-errors",
    "F06:",
    "rinse boiler does not reach 82 degrees|does not reach 82 degrees",
    "m: Skerry 500 shows F06, what's the problem?",
)
ask(
    "service/skerry-400-errors",
    "F08:",
    "the rinse thermostat|rinse thermostat|check the rinse thermostat",
    "m: F08 on the Skerry 400: what do I check?",
)
ask(
    "service/skerry-500-errors",
    "F08:",
    "the wash arm does not turn|wash arm does not turn",
    "m: What's F08 on the Skerry 500?",
)
ask(
    "service/skerry-400-errors",
    "F12:",
    "adjust the hinge|the hinge",
    "m: Skerry 400, F12. What do I adjust?",
)
ask(
    "service/skerry-500-errors",
    "F12:",
    "F12",
    "p: Which code on a Skerry 500 means that the energy saver is choked with limescale?",
)
ask(
    "service/skerry-400-errors",
    "F15:",
    "the drain pump is blocked|drain pump is blocked|blocked drain pump",
    "m: What does F15 stand for on the Skerry 400?",
    "p: Bits of citrus in the outlet of a Skerry 400, and F15 is lit. What's stuck?",
)
ask(
    "service/skerry-500-errors",
    "F15:",
    "water in the base tray",
    "m: Skerry 500 gives F15. What happened?",
)
ask(
    "service/skerry-400-errors",
    "F19:",
    "F19",
    "p: Which code comes up if a Skerry 400 runs out of soap?",
)
ask(
    "service/skerry-500-errors",
    "service level opens",
    "4711",
    "m: What's the code for the service level of the Skerry 500?",
    "p: How do I get into the technician's menu on a Skerry 500? I need the number.",
)
ask(
    "service/skerry-500-errors",
    "raised base",
    euros(85),
    "p: What does a customer pay for a higher stand under a Skerry 500 in a flooding kitchen?",
)
ask(
    "service/skerry-400-errors",
    "The cause is mostly",
    "washing-up liquid|washing-up liquid from pre-cleaned glasses",
    "p: Where do all the bubbles inside a Skerry 400 come from usually?",
)

# Maintenance

ask(
    "service/tamber-2-maintenance",
    "serviced every",
    "15,000 cups|15000 cups|15,000",
    "m: After how many cups is a Tamber 2 serviced?",
    "p: When is a Tamber 2 due for a check-up in terms of drinks made?",
)
ask(
    "service/tamber-4-maintenance",
    "falls due",
    "40,000 cups|40000 cups|40,000",
    "m: After how many cups does a Tamber 4 service fall due?",
)
ask(
    "service/tamber-4-maintenance",
    "every 6 months or",
    "6 months|every 6 months",
    "p: How many months between inspections of a Tamber 4?",
)
ask(
    "service/tamber-2-maintenance",
    "Plan 75",
    "75 minutes|75",
    "m: How long should I plan for servicing a Tamber 2?",
)
ask(
    "service/tamber-4-maintenance",
    "takes two and a half",
    "two and a half hours|2.5 hours",
    "m: How long does a Tamber 4 service take?",
)
ask(
    "service/tamber-2-maintenance",
    "grinder burrs",
    "25,000 cups|25000 cups|25,000",
    "m: When are the burrs of a Tamber 2 changed?",
    "p: After how many drinks do I swap the mill discs in the Tamber 2?",
)
ask(
    "service/tamber-4-maintenance",
    "burrs of both",
    "60,000 cups|60000 cups|60,000",
    "m: How long do the burrs of the Tamber 4 last?",
)
ask(
    "service/tamber-4-maintenance",
    "safety valve, which",
    "1.8 bar|1.8",
    "m: At what pressure does the safety valve of the Tamber 4 open?",
)
ask(
    "service/tamber-4-maintenance",
    "Calibrate the dose",
    "8.5 grams|8.5 g|8.5",
    "p: How much coffee powder should a single espresso get on a Tamber 4?",
)
ask(
    "service/tamber-4-maintenance",
    "cleaning tablet is needed",
    "every second day|every 2 days|every other day",
    "m: How often is a cleaning tablet needed on the Tamber 4?",
)
ask(
    "service/tamber-2-maintenance",
    "runs a cleaning tablet",
    "once a week|every week|weekly",
    "m: How often does the customer run a cleaning tablet on the Tamber 2?",
)
ask(
    "service/tamber-2-maintenance",
    "grease the spindle with",
    "H1|class H1|food grease of class H1",
    "p: What sort of lubricant goes on the spindle of a Tamber 2?",
)
ask(
    "service/tamber-4-maintenance",
    "rotary pump is oiled",
    "once a year|yearly",
    "m: How often is the Tamber 4's rotary pump oiled?",
)
ask(
    "service/rill-maintenance",
    "disinfect the lines",
    "15 minutes|for 15 minutes|15",
    "l: How long must the peracetic solution work in a Rill?",
    "p: I'm sanitising the pipes of a water dispenser. How long do I wait before rinsing?",
)
ask(
    "service/rill-maintenance",
    "nozzle of the tap is",
    "6 months|every 6 months",
    "l: How often is the nozzle of a Rill's tap replaced?",
)
ask(
    "service/rill-maintenance",
    "Hoses to the mains",
    "5 years|after 5 years",
    "p: A dispenser's supply tubes still look fine. At what age are they swapped?",
)
ask(
    "service/rill-maintenance",
    "pressure regulator",
    "8 years|after 8 years",
    "p: How old may the CO2 reducer of a Rill become?",
)
ask(
    "service/rill-maintenance",
    "More than 100",
    "100 colonies per millilitre|100|100 colonies|more than 100",
    "p: The lab sent back a hospital sample. Above what germ count do I treat the pipes once more?",
)
ask(
    "service/rill-maintenance",
    "laboratory in Antwerp",
    "Tuesday|Tuesdays|on Tuesdays",
    "p: What weekday are the water test boxes picked up?",
)
ask(
    "service/skerry-400-maintenance",
    "20,000 cycles",
    "20,000 cycles|20000 cycles|20,000",
    "m: After how many cycles is a busy Skerry 400 serviced?",
)
ask(
    "service/skerry-500-maintenance",
    "30,000 cycles",
    "30,000 cycles|30000 cycles|30,000",
    "m: How many cycles between services on the Skerry 500?",
)
ask(
    "service/skerry-400-maintenance",
    "Allow 60",
    "60 minutes|60|an hour",
    "m: How long does a Skerry 400 service take?",
)
ask(
    "service/skerry-500-maintenance",
    "Reckon with",
    "110 minutes|110",
    "m: How many minutes for a Skerry 500 service?",
)
ask(
    "service/skerry-400-maintenance",
    "Replace the door seal",
    "every two years|two years|2 years",
    "m: How often is the door seal of the Skerry 400 replaced?",
)
ask(
    "service/skerry-500-maintenance",
    "door seal of the",
    "18 months|every 18 months",
    "m: How often is the door seal of the Skerry 500 replaced?",
    "p: When does the rubber around a Skerry 500's door have to be renewed?",
)
ask(
    "service/skerry-400-maintenance",
    "after 60 baskets",
    "60 baskets|after 60 baskets|60",
    "m: After how many baskets should the Skerry 400's tank water be changed?",
)
ask(
    "service/skerry-500-maintenance",
    "after 80 baskets",
    "80 baskets|after 80 baskets|80",
    "p: When should kitchen staff put fresh water in a Skerry 500 during the day?",
)
ask(
    "service/skerry-500-maintenance",
    "self-cleaning programme",
    "8 minutes|8",
    "m: How long does the self-cleaning of the Skerry 500 run?",
)
ask(
    "service/skerry-500-maintenance",
    "more than one millimetre",
    "one millimetre|1 mm|more than one millimetre",
    "p: How much wobble is tolerated in a Skerry 500's wash arm bearing?",
)
ask(
    "service/skerry-500-maintenance",
    "warm degreaser",
    "20 minutes|for 20 minutes",
    "m: How long is the heat exchanger of the Skerry 500 washed?",
)

# Descaling and filters

ask(
    "service/tamber-2-descaling",
    "asks for descaling",
    "500 litres|after 500 litres|500",
    "m: After how many litres does the Tamber 2 ask for descaling?",
)
ask(
    "service/tamber-4-descaling",
    "descaling is due",
    "1,800 litres|1800 litres|1,800",
    "m: After how many litres is a Tamber 4 descaled?",
)
ask(
    "service/tamber-2-descaling",
    "Dissolve 2",
    "2 sachets|2|two sachets|two",
    "m: How many sachets of descaler for a Tamber 2?",
    "p: I'm getting the lime out of a Tamber 2. How many packets do I use?",
)
ask(
    "service/tamber-4-descaling",
    "Mix 5",
    "5 sachets|5|five sachets|five",
    "m: How many sachets of descaler go in a Tamber 4?",
)
ask(
    "service/tamber-2-descaling",
    "runs for 35",
    "35 minutes|35",
    "m: How long does the descaling programme of the Tamber 2 run?",
)
ask(
    "service/tamber-4-descaling",
    "leave it for",
    "50 minutes|50|for 50 minutes",
    "m: How long is the descaler left in a Tamber 4?",
)
ask(
    "service/tamber-2-descaling",
    "Rinse with",
    "6 litres|6|with 6 litres",
    "m: How much fresh water to rinse a Tamber 2 after descaling?",
)
ask(
    "service/tamber-4-descaling",
    "Rinse with",
    "30 litres|30|with 30 litres",
    "m: How many litres to rinse the Tamber 4 after descaling?",
    "p: I used acid on a Tamber 4. How much water do I flush through next?",
)
ask(
    "service/tamber-2-descaling",
    "cool below",
    "50 degrees|50|below 50 degrees",
    "m: Below what temperature must a Tamber 2 cool before descaling?",
)
ask(
    "service/tamber-4-descaling",
    "cool below",
    "40 degrees|40|below 40 degrees",
    "m: How cool must a Tamber 4 be before descaling?",
)
ask(
    "service/tamber-2-descaling",
    "vinegar",
    "vinegar|the seals",
    "p: Which household product is forbidden for getting lime out of a Tamber 2?",
)
ask(
    "service/tamber-4-descaling",
    "collected in the canister",
    "dissolved metal|it contains dissolved metal",
    "p: Why can't I pour the spent descaler of a Tamber 4 down the drain? What's in it?",
)
ask(
    "service/tamber-4-descaling",
    "only a technician",
    "a technician|technician|only a technician",
    "p: Can the canteen's cook remove limescale from a Tamber 4, or who does it?",
)
ask(
    "service/rill-30-filter",
    "lasts for",
    "4,500 litres|4500 litres|4,500",
    "m: How many litres does the Rill 30 filter last?",
    "p: After how much water is the cartridge of a Rill 30 spent?",
)
ask(
    "service/rill-60-filter",
    "after 11,000",
    "11,000 litres|11000 litres|11,000",
    "m: After how many litres is the Rill 60 filter changed?",
)
ask(
    "service/rill-60-filter",
    "at the latest",
    "9 months|after 9 months",
    "m: What's the longest time, in months, before a Rill 60 filter is changed?",
)
ask(
    "service/rill-30-filter",
    "flush with",
    "8 litres|with 8 litres|8",
    "m: How much do I flush the Rill 30 after a new filter?",
)
ask(
    "service/rill-60-filter",
    "Flush the Rill 60",
    "15 litres|with 15 litres|15",
    "m: Litres to flush after changing the Rill 60 filter?",
    "p: The first water after a new cartridge in a Rill 60 is grey. How much do I run off?",
)
ask(
    "service/rill-30-filter",
    "Hold the tap key",
    "6 seconds|for 6 seconds",
    "m: How long do I hold the keys to reset the Rill 30 filter?",
)
ask(
    "service/rill-60-filter",
    "confirm for",
    "3 seconds|for 3 seconds",
    "m: How many seconds to confirm the filter reset on a Rill 60?",
)
ask(
    "service/rill-30-filter",
    "until the ring turns",
    "green",
    "p: What colour should a Rill 30 show once the cartridge has been reset?",
)
ask(
    "service/rill-60-filter",
    "changes from amber",
    "blue",
    "p: What colour should a Rill 60 show once the cartridge has been reset?",
)
ask(
    "service/rill-60-filter",
    "triangular key",
    "the triangular key|triangular key|a triangular key",
    "p: What tool opens the cover of a Rill 60?",
)
ask(
    "service/rill-30-filter",
    "Moisten the seal",
    "water|with water",
    "p: What do I wet the cartridge's ring with on the Rill 30?",
)

# Water, torque

ask(
    "service/water-hardness",
    "| Hard |",
    "fit a softening filter|a softening filter|softening filter",
    "l: What do we do with hard water?",
    "p: My strip says 18 degrees. What do I have to mount?",
)
ask(
    "service/water-hardness",
    "| Very hard |",
    "fit a softener with salt|a softener with salt|softener with salt",
    "p: The reading is 24 degrees at the customer's. What is needed?",
)
ask(
    "service/water-hardness",
    "| Medium |",
    "medium",
    "p: In which class does water of 10 degrees fall?",
)
ask(
    "service/water-hardness",
    "Leeds has soft water",
    "about 5 degrees|5 degrees|5",
    "o: How hard is the water in Leeds?",
)
ask(
    "service/water-hardness",
    "In Ghent 19",
    "19 degrees|19",
    "o: What hardness is usual in Ghent?",
    "p: How limey is the tap water where the technical desk sits, in Ghent?",
)
ask(
    "service/water-hardness",
    "German degrees with us",
    "German degrees|German",
    "p: Which unit do we use for limescale content?",
)
ask(
    "service/water-hardness",
    "below 4 degrees",
    "a mineral filter|mineral filter",
    "p: The water is only 3 degrees. What goes in front of the coffee machine?",
)

TORQUE_WORDS = {
    ("tamber-2", "boiler lid screws"): ("m: Torque for the boiler lid screws of the Tamber 2?",),
    ("tamber-4", "boiler lid screws"): (
        "m: How tight are the boiler lid screws on a Tamber 4?",
        "p: I'm closing the boiler of a Tamber 4. What do I set my wrench to?",
    ),
    ("tamber-2", "heating element nut"): ("m: Tamber 2 heating element nut, how many Nm?",),
    ("tamber-4", "heating element nut"): ("m: Torque of the heating element nut, Tamber 4?",),
    ("tamber-2", "pump bracket bolts"): (
        "m: What torque do the pump bracket bolts get on the Tamber 2?",
    ),
    ("tamber-4", "pump bracket bolts"): ("m: Newton metres for the Tamber 4 pump bracket bolts?",),
    ("skerry-400", "wash arm hub"): ("m: How tight is the wash arm hub on the Skerry 400?",),
    ("skerry-500", "wash arm hub"): ("m: Torque for the wash arm hub of a Skerry 500?",),
    ("skerry-400", "heater flange nuts"): ("m: Skerry 400: torque of the heater flange nuts?",),
    ("skerry-500", "heater flange nuts"): (
        "m: Heater flange nuts on the Skerry 500, what's the value?",
    ),
    ("skerry-400", "door hinge bolts"): ("m: How many Nm on the Skerry 400 door hinge bolts?",),
    ("skerry-500", "door hinge bolts"): (
        "m: Door hinge bolt torque, Skerry 500?",
        "p: I've refitted the door of a Skerry 500. How hard do I tighten what it swings on?",
    ),
}
for (model, joint), lines in TORQUE_WORDS.items():
    value = TORQUE[model][joint]
    ask(
        f"service/{model.split('-')[0]}-torque",
        f"| {joint} |",
        f"{value} Nm|{value}|{value} newton metres",
        *lines,
    )
ask(
    "service/tamber-torque",
    "may be used once",
    "once|once only",
    "p: How many times can I reuse the blue-coated bolts in a Tamber?",
)
ask(
    "service/skerry-torque",
    "left-hand thread",
    "left-hand|a left-hand thread|left-hand thread",
    "p: Which way is the thread cut on a Skerry's wash arm hub?",
)
ask(
    "service/tamber-torque",
    "checked each January",
    "January|each January",
    "p: When does my torque tool get verified?",
)

# Warranty and response times

for year in (2026, 2025, 2024):
    W = WARRANTY[year]
    path = f"service/warranty-{year}"
    m = {key: f"{value} months|{value}" for key, value in W.items()}
    if year == 2026:
        ask(
            path,
            "have a warranty of",
            m["machine"],
            "l: How long is the warranty on a machine sold in 2026?",
            "p: A customer buys a new Tamber today. How many months of guarantee do they get?",
            "v: Machine warranty, current terms?",
        )
        ask(
            path,
            "The compressor of Rill",
            m["compressor"],
            "l: How many months is the compressor of a Rill covered?",
            "v: Compressor cover on a Rill sold this year?",
        )
        ask(
            path,
            "Spare parts fitted by us",
            m["parts"],
            "v: For how many months are spare parts covered under the present terms?",
            "p: I put in a new pump last week. How long do we guarantee it?",
        )
        ask(
            path,
            "The customer registers",
            f"{W['register']} days|{W['register']}|within {W['register']} days",
            "l: Within how many days must a customer register a machine?",
            "v: Time limit for warranty registration in the 2026 terms?",
        )
        ask(
            path,
            "weeks of delay",
            "six weeks|6 weeks",
            "p: The customer was late with the service. How much lateness does the guarantee forgive?",
        )
        ask(
            path,
            "frost or lightning",
            "the customer's insurance|customer's insurance",
            "p: A pipe burst in the cold and ruined the machine. Who pays?",
        )
    elif year == 2025:
        ask(
            path,
            "is covered for 24",
            m["machine"],
            "v: How long is the cover of a machine sold in 2025?",
            "v: A Skerry bought in 2025 broke. How many months of warranty does it have?",
        )
        ask(
            path,
            "compressor of a Rill",
            m["compressor"],
            "v: A Rill was sold in 2025. For how many months is its compressor covered?",
        )
        ask(
            path,
            "Spare parts fitted in 2025",
            m["parts"],
            "v: Cover for spare parts fitted in 2025?",
        )
        ask(
            path,
            "Under the 2025 terms",
            f"{W['register']} days|{W['register']}|within {W['register']} days",
            "v: In how many days had a machine to be registered under the 2025 terms?",
        )
        ask(
            path,
            "rented out",
            "half|half of the time",
            "v: 2025 terms: what part of the time are machines covered that the customer rents to others?",
        )
    else:
        ask(
            path,
            "carries a warranty",
            m["machine"],
            "v: Warranty of a machine sold in 2024, in months?",
        )
        ask(
            path,
            "Compressors of Rill",
            m["compressor"],
            "v: How many months of cover does a Rill compressor from 2024 have?",
        )
        ask(
            path,
            "Spare parts from 2024",
            m["parts"],
            "v: How long were spare parts from 2024 covered?",
        )
        ask(
            path,
            "Registration within",
            f"{W['register']} days|{W['register']}|within {W['register']} days",
            "v: Registration limit under the 2024 warranty?",
        )
ask(
    "service/warranty-claims",
    "Keep the broken part",
    "60 days|for 60 days",
    "l: How long must the broken part be kept?",
    "p: Can I bin the faulty pump after a guarantee case? How long do I hang on to it?",
)
ask(
    "service/warranty-claims",
    "below 150",
    "150 euros|€150|150|below 150 euros",
    "p: Up to what sum does a guarantee repair get a yes at once?",
)
ask(
    "service/warranty-claims",
    "three photographs",
    "three|three photographs|3",
    "l: How many photographs does a warranty claim need?",
)
ask(
    "service/warranty-claims",
    "technical desk decides",
    "two working days|within two working days|2 working days",
    "p: When will I hear whether a guarantee case is accepted?",
)
ask(
    "service/warranty-claims",
    "amounts up to 400",
    euros(400),
    "p: How much can a branch manager give away out of kindness once the guarantee has run out?",
)
for year, contract, lines in (
    (2026, "Basic", ("v: On site time for Basic customers in the current contracts?",)),
    (
        2026,
        "Plus",
        (
            "l: Within how many hours are we on site for a Plus contract?",
            "p: A client with Plus rings at nine. How many working hours do we have to show up?",
        ),
    ),
    (
        2026,
        "Prime",
        (
            "l: On site within how many hours for Prime?",
            "v: How fast do we have to be at a Prime customer's now?",
        ),
    ),
    (2025, "Basic", ("v: Within how many hours were we on site for Basic in 2025?",)),
    (2025, "Plus", ("v: What was the on-site time for Plus in 2025?",)),
    (2025, "Prime", ("v: How quickly was a Prime customer attended in 2025?",)),
):
    hours = RESPONSE[year][contract][0]
    ask(
        f"service/response-times-{year}",
        f"| {contract} | {hours} ",
        f"{hours} hours|{hours}",
        *lines,
    )
for year, contract, lines in (
    (
        2026,
        "Basic",
        ("p: How long may a fix take at most for someone on the cheapest contract, Basic?",),
    ),
    (2026, "Plus", ("l: Within how many hours is a Plus customer's machine repaired?",)),
    (2026, "Prime", ("p: By when must a machine run again under Prime?",)),
    (2025, "Plus", ("v: Repair time under Plus in 2025?",)),
):
    hours = RESPONSE[year][contract][1]
    ask(f"service/response-times-{year}", f"| {hours} hours |", f"{hours} hours|{hours}", *lines)
ask(
    "service/response-times-2026",
    "Plus customer is credited",
    "12 percent|12%|12 percent of the monthly fee",
    "p: We turned up late at a Prime client's. What do we owe them?",
    "v: Credit for a late visit under Prime today?",
)
ask(
    "service/response-times-2025",
    "Delays lead",
    "3 percent|3%|3 percent of the monthly fee",
    "v: What credit did a Plus customer get for a delay in 2025?",
)
ask(
    "service/response-times-2026",
    "Contracts run",
    "thirty-six months|36 months",
    "l: For how many months do service contracts run?",
)
ask(
    "service/response-times-2025",
    "contract lasts",
    "twenty-four months|24 months",
    "v: How long did a service contract last under the 2025 version?",
)
ask(
    "service/response-times-2026",
    "machine on loan",
    "the next day|next day|from the next day",
    "p: We can't mend a Prime machine. From when does the client get a stand-in?",
)

# Safety

ask(
    "service/safety-electricity",
    "capacitors",
    "3 minutes|three minutes",
    "l: How long do I wait for the capacitors?",
    "p: The plug is out. How soon may I touch the board?",
)
ask(
    "service/safety-electricity",
    "yellow card",
    "the yellow card|yellow card|a yellow card|yellow",
    "p: What do I need to hold to work on something under voltage?",
)
ask(
    "service/safety-electricity",
    "A boiler is opened",
    "45 degrees|below 45 degrees|45",
    "l: Below how many degrees may a boiler be opened?",
)
ask(
    "service/safety-electricity",
    "Safety valves are sealed",
    "5 years|every 5 years",
    "l: How often are safety valves replaced?",
)
ask(
    "service/safety-electricity",
    "earth wire",
    "0.3 ohms|0.3",
    "p: What's the highest resistance allowed to ground?",
)
ask(
    "service/safety-electricity",
    "inspected by the authority",
    "every ten years|ten years|10 years",
    "m: How often does the authority inspect the boilers of a Tamber 4?",
)
ask(
    "service/safety-refrigerant",
    "green card",
    "the green card|green card|a green card|green",
    "p: Which permit is needed to work on a cooling loop?",
)
ask(
    "service/safety-refrigerant",
    "at least 4 square",
    "4 square metres|4 m²|at least 4 square metres",
    "p: How small may a room be for a single water dispenser?",
)
ask(
    "service/safety-refrigerant",
    "keep flames",
    "3 metres|3 m",
    "p: How far away does my mobile have to be while I work with propane?",
)
ask(
    "service/safety-refrigerant",
    "alarm of the detector",
    "20 percent|20%|20 percent of the lower limit",
    "l: At what percentage of the lower limit is the gas detector's alarm set?",
)
ask(
    "service/safety-refrigerant",
    "Detectors are calibrated",
    "12 months|every 12 months",
    "l: How often are gas detectors calibrated?",
)
ask(
    "service/safety-refrigerant",
    "Flush with nitrogen",
    "nitrogen|with nitrogen",
    "p: What do I purge the pipes with ahead of soldering?",
)
ask(
    "service/safety-refrigerant",
    "400 grams",
    "400 grams|400 g",
    "p: What size of propane bottle can I have in my vehicle?",
)
ask(
    "service/safety-chemicals",
    "gets in an eye",
    "15 minutes|for 15 minutes",
    "p: A splash of soap hit my eye. How long do I wash it?",
    "l: For how long do I rinse an eye after detergent got in?",
)
ask(
    "service/safety-chemicals",
    "An opened bottle",
    "4 months|four months",
    "p: How long is disinfectant good for once I've broken the cap?",
)
ask(
    "service/safety-chemicals",
    "gloves of nitrile",
    "nitrile",
    "p: What should my gloves be made of when swapping soap canisters?",
)
ask(
    "service/safety-chemicals",
    "first aid box",
    "March|in March",
    "l: When is the first aid box checked?",
)
ask(
    "service/safety-chemicals",
    "Never mix",
    "descaler|with descaler",
    "p: Which other chemical must I keep well apart from the soap of glasswashers?",
)

# Work in the field

ask(
    "service/van-stock",
    "worth about",
    euros("3,000") + "|about 3,000 euros|3000 euros",
    "l: What are the parts in each van worth?",
)
ask(
    "service/van-stock",
    "Parts used are scanned",
    "17:30|by 17:30",
    "l: By when must parts be scanned to be replaced overnight?",
    "p: I fitted my last pump. Until what time today can I log it to get one by tomorrow?",
)
ask(
    "service/van-stock",
    "have not moved",
    "8 months|for 8 months",
    "p: After how long do dead-stock items leave my vehicle?",
)
ask(
    "service/van-stock",
    "courier from Leeds",
    euros(65),
    "p: What does an express delivery from the main warehouse cost?",
)
ask(
    "service/van-stock",
    "Differences above",
    "2 percent|2%",
    "p: How big may the gap be when my stock is counted?",
)
ask(
    "service/installation",
    "failed visit",
    euros(95),
    "p: We got there and there was no drain. What do we bill?",
    "l: What is charged for a failed visit?",
)
ask(
    "service/installation",
    "Flush the line",
    "5 minutes|for 5 minutes",
    "p: Before connecting a new machine, how long does the pipe run?",
)
ask(
    "service/installation",
    "Train at least",
    "two|two people|at least two|2",
    "l: How many people are trained at hand-over?",
)
ask(
    "service/installation",
    "Plan 40",
    "40 minutes|40",
    "m: How long is the hand-over training for a Tamber?",
    "p: How much time should I keep for showing the café crew their new Tamber?",
)
ask(
    "service/installation",
    "stair climber",
    "two working days|two working days before|2 working days",
    "p: Fourth floor and no elevator. How far ahead do I reserve the lifting device?",
)
ask(
    "service/installation",
    "wooden pallets",
    "the factory|factory|to the factory",
    "p: Where do the empty pallets of a new machine go?",
)
ask(
    "service/returns-and-refurbishing",
    "31 checks",
    "31|31 checks",
    "l: How many checks does a returned Tamber go through?",
)
ask(
    "service/returns-and-refurbishing",
    "blue label",
    "12 months",
    "l: What warranty does a refurbished machine receive?",
    "p: How long is a second-hand machine from us guaranteed?",
)
ask(
    "service/returns-and-refurbishing",
    "sold at 55",
    "55 percent|55%|55 percent of the list price",
    "p: What share of the new price does a customer pay for a reconditioned unit?",
)
ask(
    "service/returns-and-refurbishing",
    "at 35 percent",
    "35 percent|35%",
    "p: I want a used brewer for my flat. What portion of list price do I pay as staff?",
)
ask(
    "service/returns-and-refurbishing",
    "older than 9",
    "9 years|older than 9 years",
    "p: From what age are old machines scrapped for spares?",
)
ask(
    "service/returns-and-refurbishing",
    "finishes about",
    "eleven|eleven machines|about eleven|11",
    "f: How many machines a week does the workshop in Loures finish?",
)
ask(
    "service/dispatch-and-reports",
    "sends them by",
    "19:00|by 19:00",
    "l: By when does dispatch send the tours?",
    "p: When do I know where I have to drive tomorrow?",
)
ask(
    "service/dispatch-and-reports",
    "within 10 minutes",
    "10 minutes|within 10 minutes",
    "p: My job is overrunning. How fast should the planners know?",
)
ask(
    "service/dispatch-and-reports",
    "later than 24",
    "24 hours",
    "p: After what time does a write-up count as late?",
)
ask(
    "service/dispatch-and-reports",
    "overdue by more",
    "45 days|more than 45 days",
    "l: From how many days overdue are only emergencies attended?",
    "p: This client hasn't paid for ages. When do we stop normal visits?",
)
ask(
    "service/dispatch-and-reports",
    "wait for 15",
    "15 minutes|for 15 minutes",
    "p: Nobody's home at the customer's. How long do I hang around?",
)
ask(
    "service/dispatch-and-reports",
    "five visits a day",
    "five|five visits|5",
    "l: How many visits a day does a technician have on average?",
)
ask(
    "service/dispatch-and-reports",
    "orange card",
    "the orange card|orange card|an orange card",
    "p: What do I put in the letterbox if there's nobody in?",
)

# Parts: numbers and prices

PART_NUMBERS = {
    "TB-1043": "m: Part number of the boiler gasket for a Tamber 2?",
    "TB-1088": "m: Which number do I order for a Tamber 4 boiler gasket?",
    "TB-2210": "m: Heating element for the Tamber 2, part number?",
    "TB-2264": "m: What's the order number of the Tamber 4 heating element?",
    "TB-3127": "m: I need a new pump for a Tamber 2. Which part number?",
    "RL-0511": "m: Number of the carbon filter for the Rill 30?",
    "RL-0526": "m: Part number of the Rill 60 filter?",
    "RL-0940": "p: What do I order when the ventilator of a Rill 60 is dead? Number please",
    "SK-4102": "m: Rinse pump for a Skerry 400, which number?",
    "SK-4175": "m: Which part number is the rinse pump of the Skerry 500?",
    "SK-4609": "m: Skerry 400 door seal, what's the number?",
    "SK-4633": "p: The rubber round the door of a Skerry 500 is torn. What number do I order?",
}
for part, line in PART_NUMBERS.items():
    ask("service/parts-list", f"| {part} |", part, line)
PART_PRICES = {
    "TB-1088": "f: List price of a boiler gasket for the Tamber 4?",
    "TB-2210": "f: How much is a heating element for a Tamber 2?",
    "TB-2264": "f: What does the Tamber 4 heating element cost?",
    "TB-3305": "f: Price of the rotary pump?",
    "RL-0511": "f: What does a carbon filter for the Rill 30 cost?",
    "RL-0526": "f: Price of one Rill 60 filter?",
    "RL-0718": "f: How much is a new dispense tap?",
    "SK-4102": "f: List price of the Skerry 400 rinse pump?",
    "SK-4175": "f: How much do we ask for a rinse pump for a Skerry 500?",
    "SK-4633": "f: Door seal of a Skerry 500, price?",
}
for part, line in PART_PRICES.items():
    price = PARTS[part][2]
    ask(
        "service/parts-list",
        f"| {PARTS[part][0]} | {MODELS[PARTS[part][1]]['name']} | {price} |",
        euros(price),
        line,
    )
ask(
    "service/parts-list",
    "Customers with a Plus",
    "10 percent|10%|10 percent off",
    "p: What discount do Plus customers have on spares?",
)
ask(
    "service/parts-list",
    "letter X",
    "refurbished|refurbished parts|refurbished part",
    "p: An item number has an X at its end. What kind of part is it?",
)

# Figures

SALES = {
    ("TB-1043", 2025): (
        "How many Tamber 2 boiler gaskets were sold in 2025?",
        "Pieces of TB-1043 sold in 2025?",
    ),
    ("TB-1043", 2024): ("How many boiler gaskets for the Tamber 2 did we sell in 2024?",),
    ("TB-1088", 2025): ("Sales of TB-1088 in 2025?",),
    ("TB-2210", 2024): ("How many heating elements for the Tamber 2 were sold in 2024?",),
    ("TB-2264", 2025): (
        "Number of Tamber 4 heating elements sold in 2025?",
        "How many pieces of TB-2264 left the warehouse for customers in 2025?",
    ),
    ("TB-3305", 2024): ("How many rotary pumps did we sell in 2024?",),
    ("TB-3305", 2025): ("How many rotary pumps did we sell in 2025?",),
    ("TB-3127", 2025): ("Vibration pumps sold in 2025?",),
    ("RL-0511", 2025): (
        "How many Rill 30 carbon filters went out in 2025?",
        "RL-0511: pieces sold in 2025?",
    ),
    ("RL-0511", 2024): ("Rill 30 filter sales in 2024?",),
    ("RL-0526", 2025): ("How many filters for the Rill 60 were sold in 2025?",),
    ("RL-0526", 2024): ("How many pieces of RL-0526 did we sell in 2024?",),
    ("RL-0718", 2025): ("How many dispense taps were sold in 2025?",),
    ("RL-0940", 2024): ("Fan motors for the Rill 60 sold in 2024?",),
    ("SK-4102", 2025): ("How many rinse pumps for the Skerry 400 were sold in 2025?",),
    ("SK-4175", 2024): ("Skerry 500 rinse pump: pieces sold in 2024?",),
    ("SK-4609", 2025): ("How many door seals for the Skerry 400 did customers buy in 2025?",),
    ("SK-4633", 2025): ("Door seals for the Skerry 500, how many sold in 2025?",),
    ("TB-1088", 2024): ("How many gaskets for the Tamber 4 boiler went to customers in 2024?",),
    ("TB-2264", 2024): ("TB-2264: how many were sold in 2024?",),
    ("TB-3127", 2024): ("How many vibration pumps were sold in 2024?",),
    ("RL-0718", 2024): ("Dispense tap sales in 2024, in pieces?",),
    ("RL-0940", 2025): ("How many Rill 60 fan motors did we sell in 2025?",),
    ("SK-4175", 2025): ("Pieces of SK-4175 sold in 2025?",),
    ("SK-4609", 2024): ("How many Skerry 400 door seals went out in 2024?",),
    ("SK-4633", 2024): ("SK-4633 sales figure for 2024?",),
}
for (part, year), lines in SALES.items():
    ask(
        f"service/part-sales-{year}",
        f"| {part} |",
        number(PART_SALES[part][year]),
        *(f"f: {line}" for line in lines),
    )

INSTALLED = {
    ("leeds", "tamber-2"): ("How many Tamber 2 machines does Leeds have under contract?",),
    ("leeds", "rill-30"): (
        "Number of Rill 30 under contract at Leeds?",
        "How many of the small water dispensers, Rill 30, does Leeds look after?",
    ),
    ("leeds", "skerry-500"): ("Skerry 500 machines under contract in Leeds?",),
    ("lisbon", "tamber-2"): (
        "How many Tamber 2 does the Lisbon branch look after under contract?",
    ),
    ("lisbon", "rill-60"): ("Rill 60 under contract in Lisbon?",),
    ("lisbon", "skerry-400"): ("Count of contracted Skerry 400 in Lisbon?",),
    ("gdansk", "tamber-4"): ("How many Tamber 4 are under contract in Gdansk?",),
    ("gdansk", "rill-30"): ("How many Rill 30 does Gdansk have under contract?",),
    ("gdansk", "skerry-400"): ("Skerry 400 with a running contract, Gdansk branch?",),
    ("cork", "tamber-2"): ("How many Tamber 2 does Cork look after?",),
    ("cork", "rill-60"): ("How many Rill 60 have a contract in Cork?",),
    ("cork", "skerry-500"): (
        "Number of Skerry 500 at the Cork branch?",
        "How many big glasswashers, Skerry 500, does Cork serve?",
    ),
    ("ghent", "tamber-4"): ("How many Tamber 4 are under contract in Ghent?",),
    ("ghent", "rill-30"): ("Rill 30 under contract in Ghent?",),
    ("leeds", "tamber-4"): ("Tamber 4 under contract at the Leeds branch?",),
    ("lisbon", "rill-30"): ("How many Rill 30 are looked after from Lisbon?",),
    ("gdansk", "skerry-500"): ("How many Skerry 500 does Gdansk serve under contract?",),
    ("cork", "skerry-400"): ("Skerry 400 under contract in Cork?",),
    ("ghent", "rill-60"): ("How many Rill 60 run under a Ghent contract?",),
    ("ghent", "skerry-400"): ("How many Skerry 400 does Ghent have under contract?",),
}
PAIRS = {
    m: pair
    for pair in (("tamber-2", "tamber-4"), ("rill-30", "rill-60"), ("skerry-400", "skerry-500"))
    for m in pair
}
for (office, model), lines in INSTALLED.items():
    first, second = (MACHINES[office][m] for m in PAIRS[model])
    ask(
        "service/machines-under-contract",
        f"| {OFFICES[office]} | {first} | {second} |",
        number(MACHINES[office][model]),
        *(f"f: {line}" for line in lines),
    )

ATTENDED = {
    ("leeds", 2025, 0): ("How many call-outs did Leeds attend in 2025?",),
    ("leeds", 2024, 1): ("How many faults did Leeds solve on the first visit in 2024?",),
    ("lisbon", 2024, 0): ("Call-outs attended by Lisbon in 2024?",),
    ("gdansk", 2025, 1): ("Faults solved on the first visit by Gdansk in 2025?",),
    ("cork", 2025, 0): (
        "Call-outs in Cork in 2025?",
        "How often was Cork called out to a fault in 2025?",
    ),
    ("lisbon", 2025, 1): ("How many faults were solved on the first visit by Lisbon in 2025?",),
    ("gdansk", 2024, 0): ("How many call-outs did Gdansk attend in 2024?",),
    ("ghent", 2024, 0): ("How many call-outs had Ghent in 2024?",),
    ("ghent", 2025, 1): ("How many of Ghent's 2025 call-outs were solved first time?",),
}
for (office, year, column), lines in ATTENDED.items():
    total, first = (f"{n:,}" for n in CALLS[office][year])
    ask(
        "service/call-outs",
        f"| {OFFICES[office]} | {total} | {first} |",
        number(CALLS[office][year][column]),
        *(f"f: {line}" for line in lines),
    )
