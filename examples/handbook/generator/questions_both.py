"""Questions that need two passages, and questions that no passage answers."""

from .ask import both, euros, nowhere, number
from .facts import (
    CALLS,
    EXPENSES,
    FAMILY,
    LEAVE,
    MACHINES,
    PART_SALES,
    PER_DIEM,
    RESPONSE,
    TRAINING,
    WARRANTY,
)

P, S = "people", "service"

# Two offices

LEEDS = (f"{P}/leave-leeds-2026", "Staff employed in Leeds")
LISBON = (f"{P}/leave-lisbon-2026", "entitled to")
GDANSK = (f"{P}/leave-gdansk-2026", "every employee")
CORK = (f"{P}/leave-cork-2026", "leave year in Cork runs")
GHENT = (f"{P}/leave-ghent-2026", "compensation days.")


def gap(first, second, unit):
    n = abs(first - second)
    return f"{n} {unit if n != 1 else unit.rstrip('s')}|{n}"


days = {
    office: LEAVE[office, 2026]["days"] for office in ("leeds", "lisbon", "gdansk", "cork", "ghent")
}
both(
    [LEEDS, GDANSK],
    "Gdansk",
    "Who gets more annual leave, Leeds or Gdansk?",
    "I can pick between a post in Leeds and one in Gdansk. Where do I get the longer holidays?",
)
both(
    [CORK, GHENT],
    "Cork",
    "Is the annual leave longer in Cork or in Ghent, compensation days aside?",
)
both([LISBON, LEEDS], "Leeds", "Lisbon or Leeds: which gives more holiday this year?")
both(
    [LEEDS, GHENT],
    gap(days["leeds"], days["ghent"], "days"),
    "If I move from Leeds to Ghent, how many days of ordinary annual leave do I lose?",
)
both(
    [GDANSK, CORK],
    gap(days["gdansk"], days["cork"], "days"),
    "How many more leave days has Gdansk than Cork?",
    "A friend in Gdansk brags about her holidays. How far ahead is she of me in Cork, in days?",
)
both(
    [(f"{P}/leave-leeds-2026", "of notice"), (f"{P}/leave-cork-2026", "of warning")],
    "Cork",
    "Which office wants more notice for a week off, Leeds or Cork?",
)
both(
    [(f"{P}/leave-lisbon-2026", "leftover days move"), (f"{P}/leave-cork-2026", "days in hand")],
    "Cork",
    "Can you keep more unused days in Lisbon or in Cork?",
)
both(
    [(f"{P}/leave-leeds-2026", "may be carried"), (f"{P}/leave-ghent-2026", "can be kept beyond")],
    "Leeds",
    "Where does more leftover holiday roll over, in Leeds or in Ghent?",
)
both(
    [(f"{P}/leave-leeds-2026", "can buy as many"), (f"{P}/leave-cork-2026", "buy as many as")],
    "Leeds",
    "Can I buy more days of leave in Leeds or in Cork?",
    "Extra holiday for money: which of Leeds and Cork is more generous?",
)
both(
    [(f"{P}/sickness-leeds", "before 09:00"), (f"{P}/sickness-lisbon", "by 08:30")],
    "Lisbon",
    "Where do I have to report sick earlier in the day, Leeds or Lisbon?",
)
both(
    [
        (f"{P}/benefits-leeds", "Pellmere pays 7"),
        (f"{P}/benefits-ghent", "group insurance receives"),
    ],
    "Leeds",
    "Does the company pay a bigger share into the pension in Leeds or in Ghent?",
)
both(
    [
        (f"{P}/benefits-lisbon", "pays 5 percent"),
        (f"{P}/benefits-ghent", "group insurance receives"),
    ],
    "Ghent",
    "Retirement money from the employer: is the percentage higher in Lisbon or in Ghent?",
)
both(
    [(f"{P}/benefits-lisbon", "meal card loaded"), (f"{P}/benefits-ghent", "meal voucher worth")],
    "Lisbon",
    "Is the daily lunch benefit worth more in Lisbon or in Ghent?",
    "Meal card in Lisbon or voucher in Ghent, which is higher per day?",
)
both(
    [(f"{P}/parking-lisbon", "35 euros"), (f"{P}/parking-gdansk", "Parking is free")],
    "Gdansk",
    "In which of the two can I park for nothing, Lisbon or Gdansk?",
)
both(
    [(f"{P}/parking-leeds", "64 spaces"), (f"{P}/parking-gdansk", "31 places")],
    "33|33 spaces",
    "How many more parking spaces are there in Leeds than in Gdansk?",
)
both(
    [
        (f"{P}/joining-office-staff", "Probation lasts six"),
        (f"{P}/joining-technicians", "Probation for technicians"),
    ],
    "technicians|field technicians",
    "Who has the shorter probation, office staff or technicians?",
    "Clerk or field engineer: whose trial period is over sooner?",
)

both(
    [(f"{P}/sickness-leeds", "12 weeks of illness"), (f"{P}/sickness-lisbon", "tops this up")],
    "Leeds",
    "Ill for long: which office keeps paying at its first rate for more weeks, Leeds or Lisbon?",
)
both(
    [
        (f"{P}/leave-gdansk-2026", "stay valid until"),
        (f"{P}/leave-ghent-2026", "can be kept beyond"),
    ],
    "Gdansk",
    "In which office do old days of leave last longer into the year, Gdansk or Ghent?",
)
both(
    [
        (f"{P}/joining-office-staff", "two days on the road"),
        (f"{P}/joining-technicians", "25 working days"),
    ],
    "23|23 days|23 working days",
    "How many days longer does a new technician ride along than a newcomer in the office?",
)

# Two versions

both(
    [(f"{P}/leave-leeds-2025", "grants"), LEEDS],
    gap(LEAVE["leeds", 2025]["days"], days["leeds"], "days"),
    "How many days of leave has Leeds gained from 2025 to 2026?",
)
both(
    [(f"{P}/leave-leeds-2024", "In 2024 full-time"), (f"{P}/leave-leeds-2025", "grants")],
    gap(23, LEAVE["leeds", 2025]["days"], "days"),
    "By how many days did annual leave in Leeds rise between 2024 and 2025?",
)
both(
    [(f"{P}/leave-lisbon-2025", "gives 23"), LISBON],
    gap(LEAVE["lisbon", 2025]["days"], days["lisbon"], "days"),
    "How much longer is the Lisbon holiday in 2026 than it was in 2025?",
)
both(
    [(f"{P}/travel-2025", "brings 0.36"), (f"{P}/travel-2026", "For your own car")],
    "0.05 euros|€0.05|0.05|5 cents",
    "By how much did the mileage rate go up from 2025 to 2026?",
    "What more do I get per kilometre in my own car now compared with 2025?",
)
both(
    [(f"{P}/travel-2025", "Above an expected"), (f"{P}/travel-2026", "expected to cost more")],
    euros(300),
    "By how much did the limit for a director's approval of trips rise from 2025 to 2026?",
)
both(
    [(f"{P}/remote-work-2025", "A sum of"), (f"{P}/remote-work-2026", "you can claim")],
    euros(70),
    "How much higher is the home furniture allowance in 2026 than in 2025?",
)
both(
    [(f"{P}/expenses-2025", "limit for a meal"), (f"{P}/expenses-2026", "A meal with customers")],
    euros(EXPENSES[2026]["client_meal"] - EXPENSES[2025]["client_meal"]),
    "By how many euros a head did the customer meal limit rise from 2025 to 2026?",
    "Client dinners: how much more may each person cost now than in 2025?",
)
both(
    [(f"{P}/expenses-2025", "has to reach finance"), (f"{P}/expenses-2026", "within 30 days")],
    "30 days|30",
    "How many days shorter is the deadline for claims in 2026 than in 2025?",
)
both(
    [(f"{P}/family-leave-2025", "4 weeks"), (f"{P}/family-leave-2026", "6 weeks")],
    gap(FAMILY[2025]["partner"], FAMILY[2026]["partner"], "weeks"),
    "How many weeks of partner leave were added from 2025 to 2026?",
)
both(
    [(f"{P}/family-leave-2025", "18 weeks"), (f"{P}/family-leave-2026", "22 weeks")],
    gap(FAMILY[2025]["birth"], FAMILY[2026]["birth"], "weeks"),
    "How much longer is maternity leave in 2026 compared with 2025?",
)
both(
    [
        (f"{P}/training-budget-2025", "yearly sum is"),
        (f"{P}/training-budget-2026", "For field technicians"),
    ],
    euros(TRAINING[2026]["field"] - TRAINING[2025]["field"]),
    "By how much did the technicians' training budget grow from 2025 to 2026?",
)
both(
    [(f"{P}/daily-allowance-2025", "| Ireland |"), (f"{P}/daily-allowance-2026", "| Ireland |")],
    euros(PER_DIEM[2026]["Ireland"][2] - PER_DIEM[2025]["Ireland"][2]),
    "How much did the hotel limit for Ireland go up from 2025 to 2026?",
)
both(
    [
        (f"{S}/warranty-2024", "Compressors of Rill"),
        (f"{S}/warranty-2026", "The compressor of Rill"),
    ],
    gap(WARRANTY[2024]["compressor"], WARRANTY[2026]["compressor"], "months"),
    "How many months more of compressor cover has a Rill sold in 2026 than one sold in 2024?",
)
both(
    [(f"{S}/warranty-2025", "is covered for 24"), (f"{S}/warranty-2026", "have a warranty of")],
    gap(WARRANTY[2025]["machine"], WARRANTY[2026]["machine"], "months"),
    "By how many months did the machine warranty grow from 2025 to 2026?",
    "Guarantee on a new machine: how much longer is it than for one bought in 2025?",
)
both(
    [(f"{S}/response-times-2025", "| Plus |"), (f"{S}/response-times-2026", "| Plus |")],
    gap(RESPONSE[2025]["Plus"][0], RESPONSE[2026]["Plus"][0], "hours"),
    "How many hours sooner must we be on site for Plus in 2026 than in 2025?",
)

both(
    [(f"{P}/travel-2024", "days ahead"), (f"{P}/travel-2026", "days ahead")],
    gap(7, 14, "days"),
    "How many days earlier must flights be booked in 2026 than in 2024?",
)
both(
    [
        (f"{P}/remote-work-2025", "can work from home"),
        (f"{P}/remote-work-2026", "up to three days"),
    ],
    "one|one day|1|1 day",
    "How many more days a week at home are allowed now than in 2025?",
)
both(
    [
        (f"{S}/warranty-2024", "Spare parts from 2024"),
        (f"{S}/warranty-2026", "Spare parts fitted by us"),
    ],
    gap(WARRANTY[2024]["parts"], WARRANTY[2026]["parts"], "months"),
    "How many months have been added to the cover of spare parts since 2024?",
)
both(
    [
        (f"{P}/training-budget-2025", "working days are set aside"),
        (f"{P}/training-budget-2026", "working days a year for learning"),
    ],
    gap(TRAINING[2025]["days"], TRAINING[2026]["days"], "days"),
    "How many learning days were gained from 2025 to 2026?",
)

# A rule and a table

both(
    [
        (f"{P}/daily-allowance-2026", "Countries not listed"),
        (f"{P}/daily-allowance-2026", "| Germany |"),
    ],
    euros(PER_DIEM[2026]["Germany"][0]),
    "I'm going to Vienna for a week. What's the full daily allowance?",
    "Full day allowance for Sweden?",
    "Which daily sum applies to a full day in Italy?",
)
both(
    [
        (f"{P}/daily-allowance-2025", "Countries that do not appear"),
        (f"{P}/daily-allowance-2025", "| Belgium |"),
    ],
    euros(PER_DIEM[2025]["Belgium"][0]),
    "What was the full daily allowance for Austria in 2025?",
)
both(
    [
        (f"{P}/daily-allowance-2026", "20 percent of the full rate"),
        (f"{P}/daily-allowance-2026", "| Poland |"),
    ],
    euros(7),
    "Hotel in Gdansk with breakfast included: how many euros are deducted from the full daily allowance?",
)
both(
    [
        (f"{P}/daily-allowance-2026", "20 percent of the full rate"),
        (f"{P}/daily-allowance-2026", "| Belgium |"),
    ],
    euros(9),
    "My room in Ghent includes breakfast. How much is taken off the daily allowance?",
)
both(
    [(f"{P}/daily-allowance-2026", "a quarter more"), (f"{P}/daily-allowance-2026", "| Germany |")],
    euros(165),
    "Trade fair in Cologne, rooms are dear. Up to what price a night can my line manager let me go?",
)
both(
    [(f"{S}/water-hardness", "In Ghent 19"), (f"{S}/water-hardness", "| Hard |")],
    "a softening filter|softening filter|fit a softening filter",
    "With the usual water in Ghent, what do I fit?",
    "New customer in Gdansk with the usual local water. What has to be mounted?",
)
both(
    [(f"{S}/water-hardness", "Leeds has soft water"), (f"{S}/water-hardness", "| Medium |")],
    "medium",
    "Into which class does the usual water in Cork fall?",
)
both(
    [(f"{S}/parts-list", "Customers with a Plus"), (f"{S}/parts-list", "| TB-3305 |")],
    euros("184.50") + "|184.5 euros",
    "What does a Plus customer pay for the Tamber 4 rotary pump?",
)
both(
    [(f"{S}/parts-list", "Customers with a Plus"), (f"{S}/parts-list", "| TB-3127 |")],
    euros("55.80") + "|55.8 euros",
    "Vibration pump for a Tamber 2 under a Plus contract: what price, without tax?",
)
both(
    [(f"{S}/parts-list", "letter X"), (f"{S}/parts-list", "| SK-4175 |")],
    euros("81.60") + "|81.6 euros",
    "What would SK-4175X cost?",
)

# Two machines

both(
    [(f"{S}/tamber-4-data", "carried by two people"), (f"{S}/skerry-500-data", "measures 58")],
    "Tamber 4|the Tamber 4",
    "Which is heavier, a Tamber 4 or a Skerry 500?",
    "I have to carry either a Tamber 4 or a Skerry 500 up the stairs. Which weighs more?",
)
both(
    [(f"{S}/tamber-2-data", "weighs 38"), (f"{S}/rill-60-data", "stands on the floor")],
    "Rill 60|the Rill 60",
    "Is the Tamber 2 or the Rill 60 heavier?",
)
both(
    [(f"{S}/tamber-4-data", "69 decibels"), (f"{S}/skerry-500-data", "61 decibels")],
    "Tamber 4|the Tamber 4",
    "What's louder, a Tamber 4 grinding or a Skerry 500?",
)
both(
    [(f"{S}/rill-30-data", "refrigerant is R290"), (f"{S}/rill-60-data", "80 grams")],
    "35 grams|35 g|35",
    "How much more R290 is in a Rill 60 than in a Rill 30?",
)
both(
    [
        (f"{S}/tamber-4-maintenance", "takes two and a half"),
        (f"{S}/skerry-500-maintenance", "Reckon with"),
    ],
    "Tamber 4|the Tamber 4",
    "Which service takes longer, that of a Tamber 4 or of a Skerry 500?",
)
both(
    [(f"{S}/tamber-2-descaling", "Dissolve 2"), (f"{S}/tamber-4-descaling", "Mix 5")],
    "3 sachets|3|three|three sachets",
    "How many more sachets of descaler does a Tamber 4 take than a Tamber 2?",
)
both(
    [(f"{S}/skerry-400-data", "A cycle of"), (f"{S}/skerry-500-data", "short cycle")],
    "Skerry 500|the Skerry 500",
    "Which uses more fresh water in a cycle, the Skerry 400 or the short one of the Skerry 500?",
    "Whose wash cycle is quicker: Skerry 400, or Skerry 500 on short?",
)
both(
    [(f"{S}/rill-30-filter", "lasts for"), (f"{S}/rill-60-filter", "after 11,000")],
    "6,500 litres|6500 litres|6,500|6500",
    "How many litres more does a Rill 60 filter last than one in a Rill 30?",
)

both(
    [(f"{S}/tamber-2-data", "cups an hour"), (f"{S}/tamber-4-data", "260 cups")],
    "150 cups|150",
    "How many cups an hour more does a Tamber 4 make than a Tamber 2?",
)
both(
    [(f"{S}/skerry-400-data", "30 baskets can"), (f"{S}/skerry-500-data", "That makes 40")],
    "10 baskets|10|ten",
    "How many more baskets an hour can I wash with a Skerry 500 instead of a Skerry 400?",
)
both(
    [(f"{S}/rill-30-filter", "flush with"), (f"{S}/rill-60-filter", "Flush the Rill 60")],
    "Rill 60|the Rill 60",
    "After a new filter, which needs more flushing, the Rill 30 or the Rill 60?",
)
both(
    [
        (f"{S}/skerry-400-maintenance", "Replace the door seal"),
        (f"{S}/skerry-500-maintenance", "door seal of the"),
    ],
    "Skerry 500|the Skerry 500",
    "Which gets a new door seal sooner, a Skerry 400 or a Skerry 500?",
    "Door rubber: does it have to be changed more often on the Skerry 400 or the Skerry 500?",
)
both(
    [
        (f"{S}/tamber-2-maintenance", "grinder burrs"),
        (f"{S}/tamber-4-maintenance", "burrs of both"),
    ],
    "35,000 cups|35000 cups|35,000|35000",
    "How many cups longer do the burrs of a Tamber 4 last than those of a Tamber 2?",
)
both(
    [(f"{S}/tamber-2-descaling", "runs for 35"), (f"{S}/tamber-4-descaling", "leave it for")],
    "Tamber 4|the Tamber 4",
    "Does the descaler act longer in a Tamber 2 or in a Tamber 4?",
)

# Figures from two tables

for part, name in (
    ("TB-1043", "Tamber 2 boiler gaskets"),
    ("RL-0511", "carbon filters for the Rill 30"),
    ("SK-4175", "rinse pumps for the Skerry 500"),
    ("RL-0526", "Rill 60 filters"),
    ("SK-4633", "Skerry 500 door seals"),
):
    more = PART_SALES[part][2025] - PART_SALES[part][2024]
    both(
        [(f"{S}/part-sales-2024", f"| {part} |"), (f"{S}/part-sales-2025", f"| {part} |")],
        number(more),
        f"How many more {name} did we sell in 2025 than in 2024?",
    )
for part, name in (
    ("TB-2210", "heating elements for the Tamber 2"),
    ("RL-0718", "dispense taps"),
    ("TB-3127", "vibration pumps"),
):
    both(
        [(f"{S}/part-sales-2024", f"| {part} |"), (f"{S}/part-sales-2025", f"| {part} |")],
        "fell|they fell|it fell|fall",
        f"Did sales of {name} rise or fall from 2024 to 2025?",
    )
both(
    [(f"{S}/call-outs", "| Lisbon | 3,240"), (f"{S}/call-outs", "| Lisbon | 3,388")],
    number(CALLS["lisbon"][2025][0] - CALLS["lisbon"][2024][0]),
    "By how many did Lisbon's call-outs rise from 2024 to 2025?",
)
both(
    [(f"{S}/call-outs", "| Cork | 1,122"), (f"{S}/call-outs", "| Cork | 1,087")],
    "fewer|fell|it fell|fall",
    "Did Cork have more or fewer call-outs in 2025 than in 2024?",
)
for office, one, other, answer in (
    ("ghent", "tamber-2", "skerry-400", "Skerry 400|the Skerry 400"),
    ("lisbon", "rill-30", "skerry-400", "Rill 30|the Rill 30"),
    ("leeds", "tamber-2", "rill-60", "Tamber 2|the Tamber 2"),
):
    names = {
        "tamber-2": "Tamber 2",
        "skerry-400": "Skerry 400",
        "rill-30": "Rill 30",
        "rill-60": "Rill 60",
    }
    anchors = [(f"{S}/machines-under-contract", f"| {MACHINES[office][m]} |") for m in (one, other)]
    both(
        anchors,
        answer,
        f"Does {office.title()} have more {names[one]} or more {names[other]} under contract?",
    )

# Nowhere: the first word or phrase, where given, stands in no document

for term, *questions in (
    ("Oslo", "How many days of leave do we get in the Oslo office?"),
    ("sabbatical", "Can I take a sabbatical, and for how long?"),
    ("jury duty", "Am I paid while on jury duty?"),
    ("dress code", "Is there a dress code for the office?"),
    (
        "stock option",
        "When do my stock options vest?",
        "Do employees get stock options, and how many?",
    ),
    ("Wi-Fi", "What is the guest Wi-Fi password in Leeds?"),
    ("relocation", "How much relocation help do I get if I move from Cork to Leeds?"),
    (
        "",
        "Up to how many weeks of full sick pay do I get in Cork?",
        "I work in Cork and I'm ill for a month. How long is my full wage paid?",
    ),
    ("", "By what time do I have to report sick in Ghent?"),
    ("", "What percentage does the company pay into the pension in Gdansk?"),
    ("", "Which private health insurance do staff in Gdansk get?"),
    ("", "What does private health insurance cover in Cork?"),
    ("", "How many parking spaces are there at the Cork branch?"),
    ("", "What does a parking space cost in Ghent per month?"),
    ("2020", "How many days of leave did Leeds have in 2020?"),
    (
        "",
        "How many days of leave did Gdansk staff have in 2025?",
        "Gdansk holiday allowance under the 2025 rules?",
    ),
    ("", "What was the mileage rate in 2023?"),
    ("", "How many remote days a week were allowed in 2024?"),
    ("", "What was the training budget for technicians in 2024?"),
    ("chief executive", "What's the name of our chief executive?"),
    ("Christmas party", "On which date is the Christmas party?"),
    ("pet insurance", "Does the company offer pet insurance?"),
    ("printer ink", "Who do I ask for printer ink?"),
    ("helicopter", "Can I expense a helicopter transfer?"),
    ("life coach", "Will the company pay a life coach for me?"),
    ("trade union", "Which trade union represents us in Lisbon?"),
    ("thirteenth", "Do we get a thirteenth salary in Portugal?"),
    ("company shop", "What discount do staff get in the company shop?"),
    ("massage", "How often does the massage therapist come to the office?"),
    ("babysitter", "Can I claim a babysitter while I'm on a business trip?"),
    ("tattoo", "Are visible tattoos fine for field technicians?"),
    ("", "What does an intern earn per month?"),
    ("blood donation", "Do I get time off for a blood donation?"),
    ("airport lounge", "Is an airport lounge paid for on long trips?"),
    ("piano", "Can I practise the piano at the Ghent office after work?"),
    ("podcast", "Do we have a company podcast?"),
    ("dentist appointment", "Does a dentist appointment count as working time?"),
    ("", "How many people work in sales at Leeds?"),
    ("", "How many office staff did Cork have at the end of 2022?"),
    ("", "Which days in May are bridge days in Lisbon in 2026?"),
    ("", "How many company cars are there in Ghent?"),
    ("marathon", "Does Pellmere sponsor my start at a marathon?"),
):
    nowhere(P, term, *questions)
for term, *questions in (
    ("Tamber 6", "How much does the Tamber 6 weigh?"),
    ("Rill 90", "How many litres an hour does the Rill 90 give?"),
    ("Skerry 600", "What's the cycle time of a Skerry 600?"),
    ("E99", "What does E99 mean on the Tamber 2?"),
    ("E72", "Tamber 4 shows E72, what now?"),
    ("F30", "What is error F30 on a Skerry 400?"),
    ("nine flashes", "My Rill 60 gives nine flashes. What does it mean?"),
    ("", "How loud is the Rill 30 in decibels?"),
    ("", "How many decibels does a Skerry 400 make?"),
    (
        "",
        "What torque do the compressor bolts of the Rill 60 need?",
        "Compressor mounting on a Rill 60: how many Nm?",
    ),
    ("", "Torque for the grinder screws of a Tamber 4?"),
    ("", "Warranty on a machine sold in 2021?"),
    ("", "What is the on-site time for Prime under the 2024 contracts?"),
    ("", "What does a new Tamber 4 cost?", "List price of a complete Tamber 4 machine?"),
    ("", "What's the monthly fee of a Prime contract?"),
    ("", "How many rotary pumps did we sell in 2023?"),
    ("", "How many Tamber 2 were under contract in Leeds at the end of 2024?"),
    ("", "How many call-outs did Ghent have in 2022?"),
    ("", "Part number of the drain pump for a Skerry 500?"),
    ("", "What does a wash arm for the Skerry 400 cost?"),
    ("", "Which part number has the display of the Tamber 2?"),
    ("", "How hard is the water in Porto?"),
    ("Bluetooth", "How do I pair a Tamber 2 over Bluetooth?"),
    ("energy label", "Which energy label does the Skerry 500 carry?"),
    ("altitude", "Up to what altitude can a Tamber 4 be used?"),
    ("hot chocolate", "How do I set the hot chocolate strength on a Tamber 4?"),
    ("decaf", "Does the Tamber 2 have a separate hopper for decaf?"),
    ("", "In which colours can a Rill 60 be ordered?"),
    ("roof rack", "How much weight may the roof rack of a van carry?"),
    ("oat drink", "Can the milk line of a Tamber 2 take oat drinks?"),
    ("", "How much does a Skerry 500 weigh in its packaging?"),
    ("", "What is the fuel use of a service van per 100 kilometres?"),
    ("", "How many Tamber 4 were sold as new machines in 2025?"),
    ("", "Part number of the ultraviolet lamp for a Rill 60?"),
    ("", "What pressure does the boiler of a Skerry 400 work at?"),
    ("vegan", "Is the descaler we use vegan?"),
    ("", "How long is the power cord of the Rill 30?"),
    ("", "How deep is the Skerry 400 from front to back?"),
    ("", "How many pieces of SK-4609 will we sell in 2026?"),
    ("", "At which speed in rpm does the Tamber 4 grinder turn?"),
):
    nowhere(S, term, *questions)
