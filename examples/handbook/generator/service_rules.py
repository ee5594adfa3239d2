"""Service documents about rules and figures: water, torque, guarantee, safety, parts, sales."""

from .facts import CALLS, MACHINES, MODELS, OFFICES, PART_SALES, PARTS, RESPONSE, TORQUE, WARRANTY
from .text import document

document(
    "service/water-hardness.md",
    """
# Water hardness

Effective: 2026-01-01

## Measuring

Measure the water at every installation and once a year with drops or strips. Degrees are always German degrees with us, so multiply if the waterworks gives another unit. Let the tap run for a minute before. The reading goes into the machine's menu and into the report.

## Classes

| Class | Degrees | What to do |
|---|---|---|
| Soft | below 7 | nothing, but watch for corrosion |
| Medium | 7 to 14 | normal descaling |
| Hard | 15 to 21 | fit a softening filter |
| Very hard | above 21 | fit a softener with salt |

## In our regions

Leeds has soft water, of about 5 degrees, and Cork lies at 11. In Ghent 19 degrees are usual, Gdansk has 16, and Lisbon 8. These are averages and the next street may differ. Water below 4 degrees lets copper dissolve, so a mineral filter is fitted in front of Tamber machines. Coffee tastes best at around nine degrees, at least in the opinion of the technical desk.
""",
)

for family, models, words in (
    (
        "tamber",
        ("tamber-2", "tamber-4"),
        (
            "Use the short torque wrench from the tool set, which is checked each January. Screws of the boiler lid are tightened crosswise in two rounds, the first at half of the value. Threads must be dry. A lid that weeps is never tightened further while hot: let it cool, change the gasket and begin again.",
            "The thread of the heating element is made of brass and tears when forced. If a nut has gone past its value, both the nut and the washer are replaced. Bolts with blue coating on the pump bracket may be used once only. Values are for all machines built since 2017; older ones have a label of their own inside.",
        ),
    ),
    (
        "skerry",
        ("skerry-400", "skerry-500"),
        (
            "Skerry machines are built of thin stainless steel, and more has been ruined by strong arms than by wear. Start every thread by hand. The hub of the wash arm has a left-hand thread, on both models. Stainless steel seizes, so put a trace of paste on the hinge bolts and on nothing else.",
            "Nuts at the heater flange are tightened again after the first hot cycle, to the same value. The hinge bolts carry the spring of the door: block the door before loosening them. After any work on the hinge check that a sheet of paper is held by the seal on all four sides.",
        ),
    ),
):
    names = [MODELS[m]["name"] for m in models]
    rows = "\n".join(
        f"| {joint} | {TORQUE[models[0]][joint]} Nm | {TORQUE[models[1]][joint]} Nm |"
        for joint in TORQUE[models[0]]
    )
    document(
        f"service/{family}-torque.md",
        f"""
# {names[0]} and {names[1]}: tightening torques

Effective: 2026-01-01

## Before you begin

{words[0]}

## Values in newton metres

| Joint | {names[0]} | {names[1]} |
|---|---|---|
{rows}

## Notes

{words[1]}
""",
    )

W = WARRANTY[2026]
document(
    "service/warranty-2026.md",
    f"""
# Warranty, 2026

Effective: 2026-01-01. Status: in force for machines sold from that date. Replaces the 2025 version.

## How long

Machines sold in 2026 have a warranty of {W["machine"]} months from the day of installation. The compressor of Rill machines is covered for {W["compressor"]} months. Spare parts fitted by us are covered for {W["parts"]} months. The terms at the date of sale stay with a machine for life, so that an older machine keeps its older terms.

## Conditions

The customer registers the machine within {W["register"]} days of installation, which can be done on paper or by scanning the label. The hardness of the water has to be on record. Maintenance must have been done on time, though six weeks of delay are tolerated. Seals, filters, burrs and lamps are wear parts, and not covered.

## What ends it

The warranty ends if parts from other makers were fitted, or if the machine was moved to another address without our knowledge. Damage by frost or lightning is a matter for the customer's insurance. If in doubt the technical desk decides; please promise nothing at the customer's counter.
""",
)

W = WARRANTY[2025]
document(
    "service/warranty-2025.md",
    f"""
# Warranty, 2025

Effective: 2025-01-01. Status: superseded for new sales by the 2026 version, still valid for machines sold in 2025.

## Length in 2025

A machine sold in 2025 is covered for {W["machine"]} months from installation, and the compressor of a Rill for {W["compressor"]} months. Spare parts fitted in 2025 are covered for {W["parts"]} months. Travel time of the technician is included for the first year only.

## Conditions of 2025

Under the 2025 terms the machine is registered within {W["register"]} days. The customer keeps a log of cleaning. If the yearly service was missed, the warranty rests until it has been made up for. A certificate is sent by post, which customers put in a drawer and never find again.

## Exclusions in 2025

Wear parts, glass and panels are excluded, and so is damage caused by water that was never measured. Machines which are rented out by the customer to others are covered for half of the time. Claims are made through the branch and not with the factory.
""",
)

W = WARRANTY[2024]
document(
    "service/warranty-2024.md",
    f"""
# Warranty, 2024

Effective: 2024-01-01. Status: superseded for new sales, still valid for machines sold in 2024.

## Length in 2024

Sold in 2024, a machine carries a warranty of {W["machine"]} months, counted from the date on the invoice. Compressors of Rill machines have {W["compressor"]} months. Spare parts from 2024 have {W["parts"]} months. These terms were written when the factory was still our own, and follow its habits.

## Conditions of 2024

Registration within {W["register"]} days is required under the 2024 terms, by post to Leeds. The first service must be done by us, the following ones may be done by a licensed fitter. The seal on the control box has to be unbroken.

## Exclusions in 2024

Nothing that touches coffee or glass is covered. Neither are machines in vehicles or on ships. A repair does not make the warranty longer, other than by the time which the machine spent in the workshop. Disputes were settled by the director in person.
""",
)

document(
    "service/warranty-claims.md",
    """
# Handling a warranty claim

Effective: 2026-01-01

## Steps for the technician

Take three photographs: the label, the fault, and the whole machine in its place. Open a claim in the tablet before you leave the site. Keep the broken part, with its claim number, for 60 days, because the factory may want to see it. Without the part there is no refund from the factory.

## Decision and payment

The technical desk decides within two working days. Repairs below 150 euros are approved by the tablet at once. The branch is credited at the end of the quarter. If a claim is refused, the customer gets an estimate first, and no work is done before it has been signed.

## Goodwill

Up to six months after the end of the warranty, half the price of parts may be waived as goodwill. Branch managers decide on amounts up to 400 euros. The reason is written down. Customers who shout do not get more than those who ask politely, even if it sometimes seems so.
""",
)

for year, status, words in (
    (
        2026,
        "Status: in force. Replaces the 2025 version.",
        (
            "Every customer has one of three contracts. Hours are working hours, from 07:00 to 18:00 on weekdays; with Prime the weekend counts as well. The clock starts when the call reaches dispatch and stops when the technician reports from the site. Waiting for a key or an escort does not count.",
            "If we are late, a Plus customer is credited 5 percent of the monthly fee, and a Prime customer 12 percent. Basic has no credit. If the machine cannot be repaired in time, Prime includes a machine on loan from the next day. Contracts run for thirty-six months, with a notice of three.",
        ),
    ),
    (
        2025,
        "Status: superseded by the 2026 version.",
        (
            "During 2025 working hours are counted from 08:00 to 17:00 on weekdays for all three contracts. The clock starts with the written confirmation of dispatch, a rule which has led to arguments. A call without a confirmed address does not count at all.",
            "Delays lead in 2025 to a credit of 3 percent of the monthly fee for Plus customers and of 8 percent for Prime customers. Machines on loan are offered to Prime customers from the third day on. The contract lasts for twenty-four months and goes on by a year at a time.",
        ),
    ),
):
    rows = "\n".join(f"| {c} | {a} hours | {b} hours |" for c, (a, b) in RESPONSE[year].items())
    document(
        f"service/response-times-{year}.md",
        f"""
# Service contracts and response times, {year}

Effective: {year}-01-01. {status}

## How time is counted in {year}

{words[0]}

## Times for {year}

| Contract | On site within | Repaired within |
|---|---|---|
{rows}

## Credits and loans in {year}

{words[1]}
""",
    )

document(
    "service/safety-electricity.md",
    """
# Safety: electricity and pressure

Effective: 2026-01-01

## Before opening a machine

Switch off, pull the plug or lock the isolator with your own padlock, and test that no voltage is left. Wait 3 minutes for the capacitors of the control board. Never rely on the machine's own switch. Work on live parts is done by holders of the yellow card only, and never alone.

## Boilers

A boiler is opened below 45 degrees and with the pressure at zero. Safety valves are sealed and must not be adjusted; they are replaced every 5 years. Wear the long gloves. The boilers of the Tamber 4 are pressure vessels and have to be inspected by the authority every ten years.

## After the work

Measure the earth wire, which may have no more than 0.3 ohms, and the insulation. Enter both readings in the report. Put back every cover with all of its screws. In 2022 a missing cover burned a waiter's hand, and the memory of this is the reason for the length of this page.
""",
)

document(
    "service/safety-refrigerant.md",
    """
# Safety: refrigerant

Effective: 2026-01-01

## What R290 is

R290 is propane: good for the climate, but it burns. Only technicians with the green card may open a cooling circuit. Rooms must have at least 4 square metres for each machine. Vans carry no more than one cylinder of 400 grams, upright and strapped.

## Working on the circuit

Open a window, place the gas detector on the floor and keep flames and mobile phones 3 metres away. The alarm of the detector is set at 20 percent of the lower limit. Flush with nitrogen before brazing. The amount filled in is weighed to within one gram, and is found on the label of the machine.

## Leaks

If you smell or measure gas, switch off the room's power from outside, air the room and send people out. Ring the technical desk once everyone is safe. A circuit that leaked twice is not repaired a third time; the machine is exchanged. Detectors are calibrated every 12 months at the school in Ghent.
""",
)

document(
    "service/safety-chemicals.md",
    """
# Safety: chemicals

Effective: 2026-01-01

## Detergent

Detergent for glasswashers is strongly alkaline. Wear goggles and gloves of nitrile when you change canisters. If it gets in an eye, rinse for 15 minutes and see a doctor, taking the label with you. Never mix it with descaler, since heat and fumes arise. Canisters travel in the tray with the lid closed.

## Descaler and disinfectant

Descaler is an acid, and stains stone. Peracetic solution bleaches clothes, smells sharply and is used in aired rooms only. An opened bottle keeps for 4 months. Spills are taken up with the granules from the van and put in a bag with a label.

## First aid and the eye bottle

Each van has an eye bottle, which is exchanged when its date has passed. The first aid box is checked in March. Report every injury on the same day, even a small one, as the insurance asks. A colleague who has had an accident is driven home and does not drive.
""",
)

document(
    "service/van-stock.md",
    """
# Stock in the van

Effective: 2026-01-01

## What is carried

Each van carries parts worth about 3,000 euros. The list depends on the machines in the district, and is drawn up anew every quarter. Always on board are two boiler gaskets of each size, four carbon filters for each Rill, one rinse pump and a roll of hose. Heavy parts are sent to the site.

## Filling up

Parts used are scanned and replaced overnight, if the scan is done by 17:30. The locker at the filling station opens with the tablet. Parts which have not moved for 8 months go back to the warehouse. Differences above 2 percent at the yearly count have to be explained.

## Urgent parts

If a part is missing, ask colleagues nearby in the dispatch channel first. A courier from Leeds costs 65 euros within the country and is approved by dispatch. The night run from Ghent reaches Lisbon in two days. Parts for machines in hospitals have priority, whatever contract they have.
""",
)

document(
    "service/installation.md",
    """
# Installing a machine

Effective: 2026-01-01

## Before the visit

Sales sends the customer a checklist with photographs of the place. Dispatch releases the date only when water, drain and socket can be seen on them. For floors above the second without a lift, the stair climber is booked two working days before. A failed visit is charged at 95 euros.

## At the site

Measure the hardness and the pressure before you unpack. Flush the line for 5 minutes. Set the machine level, connect it with the new hoses supplied and never with old ones, and check for drops after a quarter of an hour. Tamber machines are filled and emptied once before the first coffee.

## Handing over

Train at least two people and let them do each step themselves. Plan 40 minutes for this with a Tamber and 20 with the others. The customer signs on the tablet. Take the packaging with you: the wooden pallets are worth money and are returned to the factory. A call a fortnight later asks how things are going.
""",
)

document(
    "service/returns-and-refurbishing.md",
    """
# Returned and refurbished machines

Effective: 2026-01-01

## Taking back

Machines which come back at the end of a contract are emptied, dried and tied to a pallet. The branch reports them within five working days. Machines older than 9 years are taken apart for their parts. Hoppers and panels are cleaned before transport, since beans attract mice.

## The workshop in Loures

Each returned Tamber goes through 31 checks in Loures. Boilers are tested with one and a half times their pressure. A refurbished machine receives a blue label and a warranty of 12 months. The workshop finishes about eleven machines a week, and more in winter.

## Selling

Refurbished machines are sold at 55 percent of the list price. Employees may buy one for their own kitchen at 35 percent, one in five years. Charities get those with scratches for nothing, if they collect them. In the event of a recall, refurbished machines come before new ones.
""",
)

document(
    "service/dispatch-and-reports.md",
    """
# Dispatch and service reports

Effective: 2026-01-01

## A day with dispatch

Dispatch in Gdansk plans the tours the evening before and sends them by 19:00. Tell them within 10 minutes if a job takes longer than planned. Swapping jobs between colleagues is allowed as long as dispatch knows. On average a technician has five visits a day, with at most 160 kilometres.

## The report

Finish the report before you drive on. It names the fault, the cause, parts, readings and minutes. Reports that come later than 24 hours delay the bill, and are counted. Write so that a colleague who has never seen the place can go on. Photographs say more than adjectives.

## Difficult situations

If a customer is rude, stay polite and leave if need be; dispatch will call them. If payment is overdue by more than 45 days, only emergencies are attended. Where nobody opens, wait for 15 minutes, ring twice and leave the orange card. Dogs in the yard are a good reason to stay in the van.
""",
)

rows = {
    family: "\n".join(
        f"| {number} | {name} | {MODELS[model]['name']} | {price} |"
        for number, (name, model, price) in PARTS.items()
        if model.startswith(family)
    )
    for family in ("tamber", "rill", "skerry")
}
document(
    "service/parts-list.md",
    f"""
# Spare parts and prices

Effective: 2026-01-01

## Coffee machines

Prices are list prices for 2026 in euros, without tax. Customers with a Plus contract get 10 percent off, those with Prime pay nothing for parts.

| Number | Part | Machine | Price |
|---|---|---|---|
{rows["tamber"]}

## Water dispensers

Filters are sold singly or in boxes of twelve. The chip inside ties a filter to its model, so it is no use trying the other one.

| Number | Part | Machine | Price |
|---|---|---|---|
{rows["rill"]}

## Glasswashers

Seals are delivered as a strip and cut to length at the site. Numbers that end in the letter X are refurbished parts, at 60 percent of the price.

| Number | Part | Machine | Price |
|---|---|---|---|
{rows["skerry"]}
""",
)

for year, intro, outro in (
    (
        2024,
        "In 2024 the warehouse in Leeds sent out more parts than ever before. Counted are pieces delivered to customers and technicians, less returns. Samples, and parts that went into refurbished machines, are left out. The numbers come from the stock system as it stood on 10 January of the next year.",
        "The year 2024 was marked by the shortage of rotary pumps, which lasted from March until June. Figures for hoses and small items are not published, since they are sold by the metre or by the bag. Questions about earlier years go to finance.",
    ),
    (
        2025,
        "Pieces sold in 2025 are listed here by part number. Returns have been deducted; parts for our own refurbishing are not included. For the first time the numbers are taken from the new stock system, which counts a box of twelve filters as twelve pieces, as it should.",
        "Sales in 2025 were helped by the campaign for fresh filters in autumn. Seals and filters are ordered by customers directly in the web shop, all other parts mostly by technicians. Figures for the current year will be published next January.",
    ),
):
    tables = [
        "\n".join(
            f"| {n} | {PARTS[n][0]} | {MODELS[PARTS[n][1]]['name']} | {s[year]:,} |"
            for n, s in PART_SALES.items()
            if n.startswith(prefix)
        )
        for prefix in ("TB", "RL", "SK")
    ]
    head = "| Number | Part | Machine | Pieces |\n|---|---|---|---|"
    document(
        f"service/part-sales-{year}.md",
        f"""
# Spare parts sold in {year}

Effective: {year + 1}-01-15

## About these figures

{intro}

## Coffee machine parts sold in {year}

{head}
{tables[0]}

## Water dispenser parts sold in {year}

{head}
{tables[1]}

## Glasswasher parts sold in {year}

{head}
{tables[2]}

## Remarks on {year}

{outro}
""",
    )


def counts(first: str, second: str) -> str:
    rows = "\n".join(f"| {OFFICES[o]} | {m[first]} | {m[second]} |" for o, m in MACHINES.items())
    return f"| Branch | {MODELS[first]['name']} | {MODELS[second]['name']} |\n|---|---|---|\n{rows}"


document(
    "service/machines-under-contract.md",
    f"""
# Machines under contract

Effective: 2026-01-10

## What is counted

The tables give the machines with a running service contract on 31 December 2025, by the branch that looks after them. Machines out of contract are attended against payment, and do not appear. Those on loan and in our own kitchens are left out too. The figures are used to plan vans and stock.

## Coffee machines under contract

{counts("tamber-2", "tamber-4")}

## Water dispensers under contract

{counts("rill-30", "rill-60")}

## Glasswashers under contract

{counts("skerry-400", "skerry-500")}

## Trend

Water dispensers have grown fastest, mainly through schools. In Lisbon coffee machines lead, as one might expect. The Cork branch looks after the fewest machines, spread over the longest roads.
""",
)

call_rows = [
    "\n".join(f"| {OFFICES[o]} | {c[y][0]:,} | {c[y][1]:,} |" for o, c in CALLS.items())
    for y in (2024, 2025)
]
document(
    "service/call-outs.md",
    f"""
# Call-outs by branch

Effective: 2026-01-10

## What is counted

A call-out is a visit because of a fault; planned services and installations are not counted. A fault is solved on the first visit if no second one follows within 14 days. Visits to the wrong address are left out, with a blush. The dispatch team in Gdansk keeps the figures.

## Call-outs in 2024

| Branch | Attended in 2024 | Solved on first visit |
|---|---|---|
{call_rows[0]}

## Call-outs in 2025

| Branch | Attended in 2025 | Solved on first visit |
|---|---|---|
{call_rows[1]}

## Remarks

The aim is to solve 85 percent of faults on the first visit. Branches with many islands or ferries have a harder time. The winter months bring a fifth more call-outs than the summer, mostly because of frozen lines and holiday parties.
""",
)
