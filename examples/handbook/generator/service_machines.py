"""Service documents about the machines: data, error codes, care, procedures."""

from .facts import MODELS
from .text import document

document(
    "service/product-range.md",
    """
# The product range

Effective: 2026-01-01

## Three families

Pellmere sells three families of machines, each in two sizes. Tamber machines brew coffee, Rill machines cool and dispense drinking water, and Skerry machines wash glasses. The number tells something about the size: brewing groups for Tamber, litres an hour for Rill and the width of the basket in millimetres for Skerry.

## Who buys what

The Tamber 2 goes to small offices and hairdressers, the Tamber 4 to canteens and hotels. The Rill 30 fits under a counter, while the Rill 60 stands on the floor of schools and hospitals. The Skerry 400 is the usual choice of bars, and the Skerry 500 was drawn for banqueting halls. All of them are built in the factory at Zwolle by a partner.

## Age and names

The serial number starts with the year of building, followed by the week. Machines are supported with parts for 12 years after the last one was built. The Rill 20 was dropped in 2019 and is no longer looked after. The names come from a list that the founder's daughter kept, and nobody quite knows what they mean.
""",
)

M = MODELS["tamber-2"]
document(
    "service/tamber-2-data.md",
    f"""
# Tamber 2: technical data

Effective: 2026-01-01

## Size and supply

The Tamber 2 weighs {M["kg"]} kg empty and is {M["width"]} cm wide. It draws {M["kw"]} kW and runs from an ordinary socket behind a {M["fuse"]} A fuse. Leave 10 cm free at the back for the hoses. The feet can be turned by two centimetres to level it, which matters more for the taste than most customers believe.

## Water and brewing

The boiler holds 4.5 litres and works at 1.1 bar. Supply water must have between 2 and 6 bar. Brewing takes place at 92 degrees, adjustable in half degrees. The Tamber 2 makes up to 110 cups an hour when both groups are busy, and the bean hopper takes 900 grams.

## Noise and surroundings

While grinding, the Tamber 2 reaches 64 decibels. It may stand in rooms between 5 and 35 degrees. When frost is possible the boiler has to be emptied. The display speaks nine languages, and the one chosen stays stored after a loss of power.
""",
)

M = MODELS["tamber-4"]
document(
    "service/tamber-4-data.md",
    f"""
# Tamber 4: technical data

Effective: 2026-01-01

## Dimensions and connection

With {M["kg"]} kg and a width of {M["width"]} cm the Tamber 4 is carried by two people, always. The electrical load is {M["kw"]} kW on a supply of its own, protected by a {M["fuse"]} A fuse and wired by an electrician. Behind the machine 15 cm are left free. The worktop has to be able to bear ninety kilos.

## Brewing and water

Two boilers serve the Tamber 4: one of 9 litres for steam, at 1.4 bar, and one of 3 litres for coffee. The pressure in the mains must lie between 2.5 and 7 bar. Coffee is brewed at 93 degrees. In an hour 260 cups are possible, and each of the two hoppers holds 1.4 kilograms of beans.

## Noise, display and settings

The Tamber 4 is measured at 69 decibels when both grinders run. Rooms between 5 and 38 degrees suit it. A chip card stores the recipes, so that they can be carried over to the next machine. The clock needs a button cell, which lasts about four years.
""",
)

M = MODELS["rill-30"]
document(
    "service/rill-30-data.md",
    f"""
# Rill 30: technical data

Effective: 2026-01-01

## Body

The Rill 30 stands under a counter with only the tap visible. It weighs {M["kg"]} kg, is {M["width"]} cm wide and needs {M["kw"]} kW behind a {M["fuse"]} A fuse. Air enters from the front and leaves on the left, where 8 cm must remain open. Cupboards without a slot in the door make it too hot, which is the most common mistake.

## Cooling and water

Up to 30 litres an hour leave the tap at 7 degrees. The refrigerant is R290, of which the Rill 30 holds 45 grams. The buffer tank takes 3.2 litres. Incoming water should be below 25 degrees and between 1.5 and 5 bar; above that a pressure reducer is fitted.

## Sparkling version

With the letter S the Rill 30 also gives sparkling water. The gas cylinder holds 2 kilograms, enough for about 300 litres, and stands upright beside the machine. It is screwed on by hand, with a new washer each time.
""",
)

M = MODELS["rill-60"]
document(
    "service/rill-60-data.md",
    f"""
# Rill 60: technical data

Effective: 2026-01-01

## Housing

The Rill 60 is a column which stands on the floor, {M["width"]} cm wide and {M["kg"]} kg in weight. Its consumption is {M["kw"]} kW; a {M["fuse"]} A fuse is enough. It is fixed to the wall with the bracket supplied, so that children cannot pull it over. Keep 12 cm between the grille and the wall.

## Cold water

It dispenses 60 litres an hour at 6 degrees, using 80 grams of R290. The buffer tank contains 7.5 litres. The Rill 60 wants a supply of between 2 and 6 bar. Two people can draw at once, and the lower tap is at a height that suits wheelchairs. A lamp with ultraviolet light keeps the tap germ-free and lasts 9,000 hours.

## Bottle counter of the Rill 60

A counter shows how many bottles of half a litre have been saved. Schools like to see it, and it can be set back in the service menu. The drip tray holds 1.8 litres and has a float that warns before it overflows.
""",
)

M = MODELS["skerry-400"]
document(
    "service/skerry-400-data.md",
    f"""
# Skerry 400: technical data

Effective: 2026-01-01

## Outside

The Skerry 400 takes baskets of 400 mm and fits under a bar, {M["width"]} cm wide and {M["kg"]} kg heavy. Connect {M["kw"]} kW through a {M["fuse"]} A fuse. The opening of the door is 29 cm high, so pint glasses fit but tall flutes may not. A plinth to raise it can be ordered.

## Washing

A cycle of the Skerry 400 lasts 120 seconds and uses 2.1 litres of fresh water. The tank, of 11 litres, washes at 58 degrees, and the rinse comes at 68 so that glasses are not too hot to fill. In an hour 30 baskets can be washed. A button gives a cold last rinse for beer glasses.

## Dosing in the Skerry 400

Detergent is dosed by a built-in pump at 1.5 millilitres per litre, rinse aid at 0.3. Both canisters stand outside. The lances have marks in colour: red for detergent, blue for rinse aid. The drain pump lifts up to 60 cm.
""",
)

M = MODELS["skerry-500"]
document(
    "service/skerry-500-data.md",
    f"""
# Skerry 500: technical data

Effective: 2026-01-01

## Dimensions and power

For baskets of 500 mm, the Skerry 500 measures {M["width"]} cm in width and weighs {M["kg"]} kg. It needs {M["kw"]} kW from a three-phase supply with {M["fuse"]} A fuses. The clear height of the door is 36 cm. The double wall keeps both heat and noise inside, and 61 decibels are measured in front of it.

## How it washes

The short cycle of the Skerry 500 takes 90 seconds with 2.6 litres of fresh water, the long one 150 seconds. Its tank holds 17 litres at 60 degrees and it rinses at 82. That makes 40 baskets an hour. Heat from the waste water warms the incoming supply, which saves about a fifth of the energy.

## Dosing and drain

Detergent is dosed at 2 millilitres per litre and rinse aid at 0.2. The built-in softener takes 1.3 kilograms of salt. The drain pump of the Skerry 500 lifts up to 90 cm. A printer for hygiene records can be plugged in at the side.
""",
)

document(
    "service/tamber-2-errors.md",
    """
# Tamber 2: error codes

Effective: 2026-01-01

## How errors are shown

The Tamber 2 shows a letter and two digits and sounds three short tones. Press the cup key for five seconds to clear an error that has been put right. The last 20 errors are kept in the service menu, with their dates. Codes look like those of the bigger model but do not always mean the same.

## Tamber 2: water and heat

- E11: no water flows; check the stopcock and the inlet sieve.
- E14: the boiler is overfilled; replace the level probe.
- E21: heating takes too long; measure the element, which should read 18 ohms.
- E27: the temperature sensor is broken or unplugged.

## Tamber 2: grinder and the rest

- E32: the grinder is blocked, mostly by a stone among the beans.
- E35: the grounds drawer is full or has been pushed in badly.
- E41: the brewing unit has not reached its upper position; clean and grease the spindle.
- E58: the machine has lost its settings; load them again from the menu.
""",
)

document(
    "service/tamber-4-errors.md",
    """
# Tamber 4: error codes

Effective: 2026-01-01

## Display

On the Tamber 4 errors appear in the upper line and are sent to dispatch if the machine is online. They are cleared by opening and closing the service door. The memory holds 100 errors. Write down the code before switching off, as some of them vanish.

## Tamber 4: boilers and pump

- E11: the rotary pump runs dry; open the stopcock and bleed the line.
- E14: the steam boiler has lost pressure; look at the safety valve for leaks.
- E21: the coffee boiler does not heat; reset the thermal cut-out on its lid.
- E29: water on the floor plate; find the leak before anything else.

## Tamber 4: grinders and electronics

- E32: the left grinder is blocked.
- E33: the right grinder is blocked.
- E41: the grounds container has not been seen by its switch; clean the magnet.
- E58: the chip card cannot be read; wipe its contacts with alcohol.
- E63: the fan of the control board stands still, and the machine stops within four minutes.
""",
)

document(
    "service/rill-errors.md",
    """
# Rill 30 and Rill 60: error codes

Effective: 2026-01-01

## Reading the light

Rill machines have no display for errors but a ring of light at the tap. The ring flashes red, pauses, and starts again; count the flashes. A steady blue ring is normal. To clear an error, pull the plug for 30 seconds. The tablet shows the same number in words when held close.

## Meaning of the flashes

- Two flashes: the filter has run out or was not reset after the change.
- Three flashes: the leak sensor in the base is wet; the valve stays closed until it is dry.
- Four flashes: the condenser is too hot, mostly because of dust or of a closed cupboard.
- Five flashes: the compressor did not start; check the relay before blaming the compressor.
- Six flashes: on the Rill 60 only, the ultraviolet lamp has failed.
- Seven flashes: on sparkling versions, the gas cylinder is empty.

## When it will not clear

If five flashes come back within a day of a new relay, the compressor is changed. In that case call the technical desk first, as they decide between repair and exchange. A Rill that has leaked is dried for a night before it goes back on the mains.
""",
)

document(
    "service/skerry-400-errors.md",
    """
# Skerry 400: error codes

Effective: 2026-01-01

## Where to look

The Skerry 400 blinks with its start button, and the small display shows the code. It is cleared by opening the door. Bar staff often switch the machine off and on, so ask them what they saw first. The log can be read with the tablet by cable.

## Codes of the Skerry 400

- F03: the tank does not fill within six minutes; clean the inlet filter.
- F06: the tank is not heating; test the flange heater and its relay.
- F08: the rinse water stays too cold; check the rinse thermostat.
- F12: the door switch has opened during washing; adjust the hinge.
- F15: the drain pump is blocked, usually by a slice of lemon or broken glass.
- F19: detergent is empty, or the red lance sucks air.

## Foam and streaks in the Skerry 400

Foam in the tank is no error for the machine but it weakens the wash. The cause is mostly washing-up liquid from pre-cleaned glasses. Streaks point to too little rinse aid or to hard water. Explain this to the customer before you turn any screw.
""",
)

document(
    "service/skerry-500-errors.md",
    """
# Skerry 500: error codes

Effective: 2026-01-01

## Where to look

A line of text explains each code on the display of the Skerry 500, in the language of the customer. The service level opens with the code 4711. Clear an error by holding the stop key for three seconds. With the printer attached, each error is printed too.

## Codes of the Skerry 500

- F03: the softener is short of salt; fill it and start a regeneration.
- F06: the boiler for the rinse does not reach 82 degrees; measure the three phases.
- F08: the wash arm does not turn; look for a blocked nozzle or a worn hub.
- F12: the heat recovery is clogged by limescale or grease.
- F15: water in the base tray; the inlet valve is shut for safety.
- F24: the hood of the drain filter is missing; put it back.

## After a safety stop of the Skerry 500

If the inlet has been shut because of water in the tray, dry the tray with a cloth and look for the source. Only then press the stop key. Machines in kitchens with many floods get a raised base, which costs 85 euros and is put on the customer's bill.
""",
)

document(
    "service/tamber-2-maintenance.md",
    """
# Tamber 2: maintenance

Effective: 2026-01-01

## Intervals

The Tamber 2 is serviced every 12 months or after 15,000 cups, whichever comes first. The display shows a spanner when it is due. Plan 75 minutes. Customers in regions with hard water are offered a shorter interval, against a higher monthly price.

## What is done on a Tamber 2

Replace the boiler gasket and the group seals at every service. The grinder burrs are changed after 25,000 cups. Clean the inlet sieve, grease the spindle with food grease of class H1 and check the pressure with the gauge. Milk tubes are changed at every second visit. Finish by brewing three cups and tasting one.

## What owners of a Tamber 2 do themselves

The customer rinses the milk line every evening and runs a cleaning tablet once a week. The drip tray goes in the sink, not in the dishwasher, because it warps. Show this at each visit, since staff change often. A card with pictures hangs inside the door.
""",
)

document(
    "service/tamber-4-maintenance.md",
    """
# Tamber 4: maintenance

Effective: 2026-01-01

## When

A service of the Tamber 4 falls due every 6 months or after 40,000 cups. It takes two and a half hours, and canteens prefer the afternoon. Dispatch sees the counter of machines which are online and arranges the visit without being asked.

## Work at each service of a Tamber 4

Change the gaskets of both boilers and test the safety valve, which opens at 1.8 bar. The burrs of both grinders last 60,000 cups. The rotary pump is oiled once a year. Calibrate the dose: 8.5 grams for a single cup, within three tenths. Load new software if the technical desk has released any.

## Daily and weekly care

Canteen staff purge the steam wands after each use and back-flush the groups at closing time. A cleaning tablet is needed every second day on the Tamber 4. The hoppers are wiped dry on Fridays. If this is not done, bitter coffee is the first complaint, and a blocked group the second.
""",
)

document(
    "service/rill-maintenance.md",
    """
# Rill 30 and Rill 60: maintenance

Effective: 2026-01-01

## Yearly visit

Rill machines are visited once a year. Brush or blow out the condenser, disinfect the lines with the peracetic solution and let it work for 15 minutes. Rinse with at least ten litres afterwards and use a test strip before anybody drinks. Write the date on the sticker behind the tap.

## Parts with a fixed life

The nozzle of the tap is replaced every 6 months, by the customer if they like. Hoses to the mains are changed after 5 years whatever they look like. The ultraviolet lamp of the Rill 60 is changed with the visit nearest to the end of its hours. On sparkling versions the pressure regulator is exchanged after 8 years.

## Samples

Hospitals ask for a laboratory sample twice a year. Take it from the tap without the nozzle, after two minutes of flow, and keep it below eight degrees. More than 100 colonies per millilitre means that the lines are disinfected again. The laboratory in Antwerp collects boxes on Tuesdays.
""",
)

document(
    "service/skerry-400-maintenance.md",
    """
# Skerry 400: maintenance

Effective: 2026-01-01

## Interval

The Skerry 400 is looked after once a year, or each 20,000 cycles in busy bars. Mornings are best, before the bar opens. Allow 60 minutes. The counter is found in the menu under the drop symbol.

## Steps for the Skerry 400

Take out the wash arms and clear the nozzles with the pin supplied. Replace the door seal every two years. Check the dosing with a measuring glass, and the tank's temperature with your own thermometer. The hoses of the dosing pumps are changed at each visit. Descale if there is a white film on the heater.

## For customers with a Skerry 400

Bar staff empty the tank every night, rinse the filter and leave the door ajar. The tank water should be changed during the day after 60 baskets. Glasses with lipstick are wiped first, as no machine of any make likes lipstick. Put this kindly.
""",
)

document(
    "service/skerry-500-maintenance.md",
    """
# Skerry 500: maintenance

Effective: 2026-01-01

## Interval

A Skerry 500 has two services a year, with 30,000 cycles as the limit between them. Reckon with 110 minutes, since the heat recovery has to be taken out. Banqueting halls have quiet months, so ask for these first.

## Steps

Wash the heat exchanger in warm degreaser for 20 minutes. The door seal of the Skerry 500 is replaced every 18 months. Check the hub of the wash arm for play; more than one millimetre means a new one. Look at the salt and at the hardness behind the softener, which must be below 3 degrees. Print a test record if there is a printer.

## For customers with a Skerry 500

Kitchen staff run the self-cleaning programme each night; it takes 8 minutes. The tank is refilled after 80 baskets or whenever the water looks tired. Salt is topped up when the lamp comes on, always with coarse salt. Fine table salt cakes and ruins the softener.
""",
)

document(
    "service/tamber-2-descaling.md",
    """
# Tamber 2: descaling

Effective: 2026-01-01

## When it is needed

The Tamber 2 asks for descaling after 500 litres at medium hardness. The limit can be changed in the menu to suit the water. A machine that hisses or gives lukewarm coffee should be descaled, whatever the counter says. It must never be done with vinegar, which attacks the seals.

## Procedure for the Tamber 2

Let the machine cool below 50 degrees. Dissolve 2 sachets of descaler in 3 litres of water and fill the tank. Start the programme from the menu; it runs for 35 minutes and pauses four times. Rinse with 6 litres of fresh water. Do not switch off halfway, or acid stays in the boiler.

## After descaling a Tamber 2

Brew and pour away two cups. The programme resets the counter by itself. The acid used can go down the sink if plenty of water follows. Wipe splashes from stone worktops at once; we have paid for more than one piece of marble. Note the date in the log.
""",
)

document(
    "service/tamber-4-descaling.md",
    """
# Tamber 4: descaling

Effective: 2026-01-01

## When it is needed

On the Tamber 4 descaling is due after 1,800 litres at medium hardness, and only a technician may do it. With a softener in front of the machine the interval doubles. The steam boiler is looked at with the camera first, since a thin layer is harmless and protects the metal.

## Procedure for the Tamber 4

Drain both boilers and let them cool below 40 degrees. Mix 5 sachets of descaler with 12 litres of water. Pump the mixture in with the service pump and leave it for 50 minutes, turning the flow once. Rinse with 30 litres, then check with indicator paper until the colour no longer changes.

## After descaling a Tamber 4

Fit new boiler gaskets, as the old ones do not seal twice. Reset the counter with the chip card in place. The used mixture is collected in the canister and brought back to the branch, for it contains dissolved metal. Enter both times and the amount in the report.
""",
)

document(
    "service/rill-30-filter.md",
    """
# Rill 30: changing the filter

Effective: 2026-01-01

## When

The carbon filter of the Rill 30 lasts for 4,500 litres or 6 months. Its light turns amber when a tenth is left. In towns with much chlorine in the water it may taste of swimming pool earlier, and then it is changed without discussion. Filters are kept dry, and used within three years.

## How

Close the stopcock and press the tap to let off the pressure. Turn the cartridge of the Rill 30 a quarter to the left and pull it down. Moisten the seal of the new one with water, not with grease. Turn it in until it clicks. Open the water slowly and flush with 8 litres.

## Reset of the Rill 30

Hold the tap key and the light key together for 6 seconds until the ring turns green. If it stays amber, the chip of the cartridge has not been read: take it out and put it in again. Used cartridges are returned to the branch, where they are collected for recycling.
""",
)

document(
    "service/rill-60-filter.md",
    """
# Rill 60: changing the filter

Effective: 2026-01-01

## When

Change the carbon filter of the Rill 60 after 11,000 litres, or after 9 months at the latest. Schools have it done in the holidays. The machine counts litres on its own and reports to dispatch if it is online. A second filter against lead is fitted in old buildings and changed at the same time.

## How

Take off the front panel with the triangular key. The valve above the filter closes by itself when the bracket is swung out. Pull the cartridge towards you, put a cloth beneath, and insert the new one with its arrow pointing up. Flush the Rill 60 with 15 litres, the first of which will look grey.

## Reset of the Rill 60

In the service menu choose the drop and confirm for 3 seconds. The light changes from amber to blue. Write the date on the cartridge with a marker, since the menu forgets it after a software update. Old cartridges go back to the branch in their bag.
""",
)
