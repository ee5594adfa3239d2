"""People documents about money: travel, expenses, pay, benefits, training."""

from .facts import EXPENSES, PER_DIEM, TRAINING, TRAVEL
from .text import document

T = TRAVEL[2026]
document(
    "people/travel-2026.md",
    f"""
# Business travel, 2026

Effective: 2026-01-01. Status: in force. Replaces the 2025 version.

## Before you go

Every journey is booked in Wayfare. Flights are booked no fewer than {T["ahead"]} days ahead, unless a customer's machine is down. A trip expected to cost more than {T["approval"]} euros needs the approval of your director as well as of your line manager. Ask yourself first whether a call would do: a third of last year's trips were for internal meetings.

## Trains and planes

Take the train where it needs less than five hours from door to door. Second class is the rule, and first class is allowed on journeys above three hours. Flights are in economy; premium economy may be booked when the flight lasts longer than {T["premium"]} hours. One piece of checked baggage is paid for, or two if you carry tools.

## On the ground

Use public transport. A taxi is refunded if you travel with parts, or between {T["taxi"]} and 06:00. For your own car we pay {T["mileage"]} euros a kilometre. Hire cars are of the compact class, with full insurance included. Parking fines and speeding tickets stay with the driver.
""",
)

T = TRAVEL[2025]
document(
    "people/travel-2025.md",
    f"""
# Business travel, 2025

Effective: 2025-01-01. Status: superseded by the 2026 version.

## Booking in 2025

In 2025 trips are booked through TripDesk, by telephone or on its site. Flights should be bought {T["ahead"]} days ahead. Above an expected {T["approval"]} euros the director of the department signs too. TripDesk charges the department a fee of nine euros for each booking changed by telephone.

## Class of travel in 2025

Rail travel is second class throughout 2025, whatever the distance. In the air, premium economy is possible on flights that last longer than {T["premium"]} hours. Frequent-flyer points earned on the company's account belong to the traveller, though no one may choose a dearer flight to collect them.

## Local transport in 2025

During 2025 taxis are paid between {T["taxi"]} and 06:00. A private car brings {T["mileage"]} euros per kilometre. Hire cars need the approval of the line manager, and the refund for fuel asks for the receipt of the pump as well as the card slip.
""",
)

T = TRAVEL[2024]
document(
    "people/travel-2024.md",
    f"""
# Business travel, 2024

Effective: 2024-01-01. Status: superseded, most recently by the 2026 version.

## Booking in 2024

Throughout 2024 travel is arranged by the office assistants in Leeds, who want to hear of a flight {T["ahead"]} days ahead. Estimates above {T["approval"]} euros go to the department's director. Please send passport details in a sealed envelope rather than by mail.

## Class of travel in 2024

Trains are second class. Premium economy applies in 2024 only to flights longer than {T["premium"]} hours, which in practice meant the two visits a year to the tap supplier in Osaka. Upgrades may be bought out of one's own pocket.

## Local transport in 2024

A taxi after {T["taxi"]} is refunded in 2024, as is one to a site that no bus reaches. Mileage for a private car stands at {T["mileage"]} euros a kilometre. Motorcycles bring half of that. Claims are made on the yellow form.
""",
)

for year, status, words in (
    (
        2026,
        "Status: in force. Replaces the 2025 version.",
        (
            "The daily allowance covers meals and small costs on a trip. The full rate is paid for each day away from home for more than twelve hours, the half rate from six hours on. If breakfast is included in the price of the hotel, 20 percent of the full rate is deducted. No receipts are asked for.",
            "The last column is the most that a hotel night may cost, breakfast and city tax included. Where a trade fair drives prices up, the line manager may allow up to a quarter more. Countries not listed take the rate of Germany. Staying with friends brings a thank-you sum of 25 euros a night, without a receipt.",
        ),
    ),
    (
        2025,
        "Status: superseded by the 2026 version.",
        (
            "In 2025 the allowance is paid at the full rate after ten hours away and at the half rate after five. A breakfast in the hotel leads to a deduction of six euros, whatever the country. The finance team reviews the rates each autumn against the tables of the tax offices.",
            "The limit for hotels in 2025 is without city tax. During trade fairs the finance team decides. Countries that do not appear in the table take the Belgian rate. For a stay with friends or family 15 euros are paid for each night, a sum that has often been called mean.",
        ),
    ),
):
    rows = "\n".join(f"| {c} | {a} | {b} | {h} |" for c, (a, b, h) in PER_DIEM[year].items())
    document(
        f"people/daily-allowance-{year}.md",
        f"""
# Daily allowances and hotel limits, {year}

Effective: {year}-01-01. {status}

## How the daily allowance works in {year}

{words[0]}

## Rates for {year} in euros

| Country | Full day | Half day | Hotel per night |
|---|---|---|---|
{rows}

## Notes on hotels in {year}

{words[1]}
""",
    )

E_ = EXPENSES[2026]
document(
    "people/expenses-2026.md",
    f"""
# Expense claims, 2026

Effective: 2026-01-01. Status: in force. Replaces the 2025 version.

## Making a claim

Photograph the receipt and send it in Tally within {E_["claim"]} days of the purchase. Later claims are refused unless illness was the cause. Items below {E_["receipt"]} euros need no receipt, only a line saying what they were. Approved claims are paid out {E_["paid"]}.

## Meals and gifts

A meal with customers may cost up to {E_["client_meal"]} euros a head, tip included; note who was there. Wine or beer is fine with the meal, spirits are not refunded. Gifts for a customer stay below 50 euros a year and are entered in the gift book. Team dinners come out of the team budget, which is 75 euros a person each year.

## What is never refunded

Clothing, fines, minibar, gym fees and upgrades are private. The same goes for a partner's ticket. Foreign currency is converted at the rate of the day on the card statement, not at the one you find on the web. Auditors draw 5 percent of claims each quarter, so keep the originals until the end of the following year.
""",
)

E_ = EXPENSES[2025]
document(
    "people/expenses-2025.md",
    f"""
# Expense claims, 2025

Effective: 2025-01-01. Status: superseded by the 2026 version.

## Claims in 2025

In 2025 a claim has to reach finance within {E_["claim"]} days. Receipts are scanned, and the paper goes to Leeds in the blue envelope. For amounts under {E_["receipt"]} euros a receipt can be left out. Refunds are paid {E_["paid"]}, which for claims late in the month can mean a wait of five weeks.

## Entertaining in 2025

The limit for a meal with customers stands at {E_["client_meal"]} euros a head in 2025. Names of the guests are written on the back of the receipt. No alcohol of any sort is refunded. Small gifts of up to 30 euros are allowed, once a year for each customer.

## Other matters in 2025

Fines, clothing and private phone calls are not refunded. Foreign currency is converted at the monthly rate that finance publishes. The team budget is 60 euros a person for the year and lapses in December.
""",
)

document(
    "people/company-cards.md",
    """
# Company payment cards

Effective: 2026-01-01

## Who has one

Technicians receive a card with their van, and office staff who travel more than six times a year can ask for one. The monthly limit is 800 euros for technicians and 2,500 euros for managers. Cards are personal, and lending one to a colleague leads to its being withdrawn.

## Using it

The card is for fuel, tolls, parking, hotels and small parts bought locally. Drawing cash is blocked. Every payment wants a receipt in Tally by the 5th of the following month; two missed deadlines in a row and the card is frozen. Subscriptions to software are bought by the IT desk instead, and not with the card.

## Loss and doubtful payments

If the card is lost, block it in the bank's app at once and then tell finance. Payments you do not recognise can be disputed for up to 70 days. The bank was changed in 2024, and cards with the old heron design no longer work. A new card takes about six working days to arrive.
""",
)

document(
    "people/benefits-leeds.md",
    """
# Benefits, Leeds

Effective: 2026-01-01

## Pension

Everyone employed in Leeds is enrolled in the pension plan after three months. Pellmere pays 7 percent of salary and you pay at least 4. If you pay more, the company matches it up to a total of 9 percent from its side. The plan is run by an outside trustee, who holds an open hour each quarter.

## Health and eyes in Leeds

A cash plan refunds dental bills up to 180 pounds a year. Those who work at a screen get an eye test every two years, and 70 pounds towards glasses if they are needed for it. Flu jabs are given in the office in October. There is a quiet room on the first floor.

## Getting about and keeping fit in Leeds

Season tickets for train and bus can be bought with a loan free of interest, paid back over ten months. The company adds 22 pounds a month to a gym membership of your choice. The football team welcomes anyone, skill not required. Benefits in other offices differ and have pages of their own.
""",
)

document(
    "people/benefits-lisbon.md",
    """
# Benefits, Lisbon

Effective: 2026-01-01

## Meals and health

Staff in Lisbon get a meal card loaded with 9.60 euros for each day worked. Private health insurance starts on the first day and covers a partner and children at no charge. Dental treatment is covered up to 600 euros a year, after a waiting time of three months.

## Saving for later in Lisbon

The company pays 5 percent of salary into a retirement savings plan, whether or not you add to it. Your own payments are free, and can be changed each January. The money can be moved to another provider after five years. An adviser visits in March.

## Transport and family in Lisbon

A monthly pass for metro, bus and ferry is paid in full. For children in nursery school there is a subsidy of 85 euros a month per child. Christmas brings a hamper, a tradition of the workshop which nobody dares to end. The meal card may be used in supermarkets as well as in restaurants.
""",
)

document(
    "people/benefits-ghent.md",
    """
# Benefits, Ghent

Effective: 2026-01-01

## Vouchers and insurance

In Ghent you receive a meal voucher worth 8 euros per working day, of which 1.09 euros is your own share. Eco vouchers of 200 euros a year come in June. Hospital insurance is paid for you, while family members can join at their own cost, at the group's rate.

## Pension plan in Ghent

The group insurance receives 6 percent of gross salary from the company; employees pay nothing themselves. It also pays out a year's salary if an employee dies. A statement comes every autumn, and the payroll office explains it to anyone who finds it puzzling.

## Mobility budget in Ghent

Instead of a lease car, office staff may choose a mobility budget of 310 euros a month for trains, shared cars or rent near the office. Lease cars are electric without exception since 2025. A charging point at home is paid up to 1,200 euros. Whoever gives up both car and budget gets the sum in cash, taxed as pay.
""",
)

T = TRAINING[2026]
document(
    "people/training-budget-2026.md",
    f"""
# Training budget, 2026

Effective: 2026-01-01. Status: in force. Replaces the 2025 version.

## Money and time

Each member of the office staff can spend {T["office"]:,} euros a year on courses, books and conferences. For field technicians the sum is {T["field"]:,} euros, since certificates are dear. Everyone has {T["days"]} working days a year for learning. Unspent money lapses, unspent days do not.

## Choosing a course

Agree it with your line manager, then order it in Tally. Language classes count if the language is spoken in one of our offices. Exam fees are paid for two attempts. Internal courses at the Ghent workshop, such as the pressure vessel certificate, are free and are not charged to the budget.

## Expensive courses

If a course costs more than {T["bond"]:,} euros, you sign an agreement to stay for eighteen months or pay back a share. The people team keeps a list of those providers who were worth it, with the opinions of colleagues. A mentor can be asked for at any time, and this costs nothing but coffee.
""",
)

T = TRAINING[2025]
document(
    "people/training-budget-2025.md",
    f"""
# Training budget, 2025

Effective: 2025-01-01. Status: superseded by the 2026 version.

## Money and time in 2025

In 2025 the yearly sum is {T["office"]} euros for office staff and {T["field"]:,} euros for field technicians. {T["days"]} working days are set aside for each person. Neither money nor days can be taken into the new year, which the works council has criticised.

## Choosing in 2025

Courses are chosen at the spring talk with the line manager and booked by the people team. Languages are paid for only if the job needs them. An exam is paid for once; whoever fails pays for the second attempt.

## Dear courses in 2025

A stay-on agreement of two years is signed for courses above {T["bond"]:,} euros. The amount to pay back falls month by month. In the past year eleven colleagues signed such an agreement and one paid back a part.
""",
)

document(
    "people/referral-bonus.md",
    """
# Referral bonus

Effective: 2026-01-01

## What is paid

If someone you recommend is hired, you receive 1,100 euros for a field technician and 700 euros for any other post. Half is paid when the newcomer starts and half once they have passed probation. The higher sum reflects how hard it has become to find people who know both water and electricity.

## Who can take part

All employees take part apart from directors, the people team and the hiring manager of the post. Relatives may be recommended, so long as you have no say in the decision. Former colleagues count if they left more than a year ago. Interns may recommend as well and are paid the same.

## How to do it

Send the name and a few lines to the people team before the person applies; afterwards is too late. A referral stays valid for nine months. You will be told whether there is to be an interview, though not the details. Last year fourteen people joined by this route.
""",
)

document(
    "people/pay-and-reviews.md",
    """
# Pay day and performance reviews

Effective: 2026-01-01

## Pay day

Salaries arrive on the 27th of each month, or on the last working day before it. In December they come on the 19th. Pay slips are in Tally and are kept there for ten years. Changes to bank details must be entered by the 12th to count for the same month. An advance of half a month's pay can be asked for once a year.

## Reviews

There are two review talks a year, in April and in October. Before the talk you write no more than a page on what went well and what did not, and ask three colleagues for a few lines. Marks from one to five were given up in 2023; there is now only a text, which both sides sign.

## Rises and grades

Salaries are looked at once a year, with effect from 1 July. Promotions to a higher grade are decided by a panel of five managers in May. If you disagree with the outcome you may ask for a second look within fifteen working days. The bands for each grade are open to all staff.
""",
)
