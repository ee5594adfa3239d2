"""People documents about places and things: offices, access, IT, vans, joining and leaving."""

from .facts import HEADCOUNT, OFFICES
from .text import document

document(
    "people/parking-leeds.md",
    """
# Parking, Leeds

Effective: 2026-01-01

## Spaces

The Leeds yard has 64 spaces, of which six are for visitors and four for disabled drivers. Staff share the remainder on a first come basis, with no reserved names. Vans stand along the canal wall, nose outwards. Those who share a car with two or more colleagues may use the row beside the entrance.

## Permits and cost in Leeds

A permit is free but has to be shown behind the windscreen; the front desk issues it within a day. Without a permit a car is clamped by the site's owner, and release costs 90 pounds. Tell the desk if you change your car. Overnight parking is allowed for at most three nights.

## Charging in Leeds

Eight charging points stand near the loading bay. A charge costs 28 pence per kilowatt-hour and is taken from your salary. Move the car when it is full, or after four hours at the latest. The points were a gift of the landlord, who was pleased about the new roof.
""",
)

document(
    "people/parking-lisbon.md",
    """
# Parking, Lisbon

Effective: 2026-01-01

## Spaces in the garage

In Lisbon we rent 19 places in the underground garage across the street. Twelve belong to the vans. The others are given out each month by lot among those who live more than 15 kilometres away. Enter the lot in Tally by the 20th of the month before.

## Cost and rules

A place in the Lisbon garage costs the employee 35 euros a month, which is less than a third of its price. The gate closes at 22:00 and can afterwards be opened with the badge only. The height limit of 1.95 metres keeps out vans with a ladder rack, so these sleep at the workshop in Loures.

## Scooters and visitors in Lisbon

Scooters and motorcycles may stand in the courtyard without charge. Visitors use the public car park on the square; the front desk stamps their ticket for two hours. Charging points have been promised by the garage's owner for some years.
""",
)

document(
    "people/parking-gdansk.md",
    """
# Parking, Gdansk

Effective: 2026-01-01

## Spaces

The Gdansk office has 31 places behind the building, booked day by day in the Parkly app from 18:00 on the evening before. Two cancelled bookings without notice in a month and the app locks you out for ten days. Technicians' vans have a yard of their own on the other side of the tram line.

## Cost, winter and charging in Gdansk

Parking is free of charge. From December to March the first row is kept clear for the snow plough. There are five charging points, where electricity costs nothing before 15:00 and 1.20 zloty per kilowatt-hour afterwards. Cables must not cross the footpath.

## Bicycles in Gdansk

Forty bicycles fit into the locked shed; the door opens with your badge. Those who cycle on at least 80 working days in a year get a bonus of 500 zloty in January. Keep a note of the days, nobody checks but everybody knows. There are two showers next to the shed.
""",
)

document(
    "people/joining-office-staff.md",
    """
# Joining us: office staff

Effective: 2026-01-01

## Before the first day

You will get a contract, a form for bank details and an invitation to a short call with your team. Choose a laptop at least ten days before you start. A buddy from another team writes to you in the week before and is your person for all the silly questions.

## The first weeks

The first day begins at 09:30 with a tour and ends with cake. In the first two weeks you finish the four online courses on safety, data, conduct and the handbook. During the first month you spend two days on the road with a technician, since everyone should know what our machines do. Newcomers travel to Leeds once, in the second month.

## Probation for office staff

Probation lasts six months, with talks after one, three and five months. During this time the notice is two weeks on both sides. Your line manager decides in the fifth month, and hears the team first. An extension is not possible.
""",
)

document(
    "people/joining-technicians.md",
    """
# Joining us: field technicians

Effective: 2026-01-01

## Before the first day

We ask technicians for a driving licence, a clean record and their sizes for work clothes and boots. Safety shoes are ordered to fit. The medical check takes place in the last week before the start and is paid for by the company. A van is assigned after the course, not before.

## The course in Ghent

The first three weeks are spent at the workshop in Ghent, with board and lodging. The course ends with a written paper, in which 75 percent is the pass mark, and a practical test on two machines. Those who fail may repeat it once. Travel home at weekends is paid.

## Riding along

After the course you ride along with an experienced colleague for 25 working days before you work alone. Probation for technicians lasts four months. The tool set belongs to the company and is counted every June. Trainers are volunteers and get a supplement of 130 euros for each newcomer.
""",
)

document(
    "people/leaving.md",
    """
# Leaving the company

Effective: 2026-01-01

## Giving notice

After probation the notice period is two months on both sides, and three months for managers of grade seven and above. Give notice in writing to your line manager, with a copy to the people team. Where national law asks for a longer time from the employer, the law applies. Notice always ends on the last day of a month.

## Last weeks

Remaining leave is taken before the last day if possible; otherwise it is paid. The leaving talk is voluntary, and what you say reaches the manager only as part of a yearly summary. A reference letter is written within ten working days of your asking.

## Handing back

Laptop, phone, badge, card and tools are handed back on the last day, for which the IT desk has a list. Mail accounts are closed the same evening, and forwarded for 30 days to a colleague whom you name. Former employees may buy their laptop for a tenth of its price if it is older than three years. Some come back: in 2025 there were seven.
""",
)

document(
    "people/accounts-and-passwords.md",
    """
# Accounts and passwords

Effective: 2026-01-01

## Passwords

A password has at least 16 characters; there are no rules on symbols. It does not have to be changed unless we suspect that it has leaked. Use the password safe, Nutshell, which everyone gets on the first day. Shared logins are not allowed, apart from the one for the workshop's display.

## Second factor

Signing in needs a second factor, which is the app on your phone or a small key for those who want no app. Text messages are no longer accepted. If you get a new phone, the IT desk sets the app up again after a video call in which you show your badge. After 6 wrong attempts the account locks for 20 minutes.

## Help and access to systems

The IT desk answers from 07:30 to 18:00 Leeds time. Access to a system is asked for in Tally and approved by the system's owner within two working days. Access that has not been used for 90 days is taken away. Administrators have a second account, and must not read mail with it.
""",
)

document(
    "people/laptops-and-phones.md",
    """
# Laptops and phones

Effective: 2026-01-01

## What you get

Office staff choose between a light laptop and a strong one; the price difference is not their concern. Technicians get a rugged tablet and a phone. Laptops are replaced every four years and phones every three. Screens, mice and headsets lie in the cupboard by the IT desk and need no form.

## Private use and repairs

Private use is allowed within reason, and the monthly mobile data is capped at 40 gigabytes. Roaming within Europe is included; elsewhere order a travel pack two days before. A broken screen is repaired at no cost to you the first time. After that the employee pays a share of 60 euros.

## Software

Install what you need from the shop named Larder. Anything else has to be checked by the IT desk, which takes about four working days. Updates are installed on Wednesdays at noon and may be put off for up to 72 hours. Please do not put stickers over the inventory number.
""",
)

document(
    "people/security-incidents.md",
    """
# Lost devices and security incidents

Effective: 2026-01-01

## Report it

If you lose a laptop, a phone or a badge, or think that someone has got into an account, call the security line within one hour, at any time of day. Nobody has ever been blamed for a quick report. A stolen device also needs a report to the police, which you may file on the next day.

## Suspicious mail

Use the hook button to pass on mail that looks wrong, and do not delete it. Practice mails are sent out every two months. Whoever clicks on one sees a short film and that is all. Bank details of suppliers are changed only after a call to a number that we already know.

## Customer data

Photos taken at a site must not show people. They are removed from the tablet by itself after 14 days. If data about customers has gone astray, the data officer must hear of it within 12 hours, as the law leaves little time. The data officer works in Ghent and has a deputy in Gdansk.
""",
)

document(
    "people/badges-and-visitors.md",
    """
# Badges and visitors

Effective: 2026-01-01

## Badges

Your badge opens the doors of your own office at all hours and those of other offices from 07:00 to 19:00. Wear it where it can be seen. A forgotten badge is replaced for the day at the front desk. A lost one costs you nothing the first time and 12 euros thereafter.

## Visitors

Visitors are announced in Tally, by the day before if possible, and met at the front desk. They wear a yellow lanyard and are not left alone, except in meeting rooms. In the workshops they also need shoes with closed toes and, near the test benches, glasses. Children may visit, but not the workshops.

## Keys and alarms

The last person to leave sets the alarm; the code is changed every quarter. If you set it off by mistake, call the guard company and give the password, or a patrol comes and costs 140 euros. Server rooms may be entered by the IT desk only. Fire drills are held in May and November.
""",
)

document(
    "people/vans.md",
    """
# Vans and driving

Effective: 2026-01-01

## The van

Each technician has a van, which may be taken home. Private use is limited to 50 kilometres a week, for errands, and no passengers other than colleagues may ride along. Smoking in vans is not allowed. The van is washed every other week at the company's cost, and the load is secured before each drive, however short.

## Fuel, charging and service

Diesel vans are being replaced by electric ones, and the last should go by the end of 2028. Charging at home is refunded at 0.34 euros per kilowatt-hour. Tyres are changed in October and April. Report a warning light on the same day. A van goes to the garage for inspection every 25,000 kilometres.

## Accidents

After an accident, make the place safe, help, and then call the insurer from the number on the key ring. Take photographs and sign no admission of blame. The company bears the damage up to two accidents in a year; from the third the driver takes a training day with an instructor. Phones are used hands-free only.
""",
)

document(
    "people/conduct-and-concerns.md",
    """
# Conduct, side jobs and raising concerns

Effective: 2026-01-01

## How we treat each other

We expect politeness, also in writing and also towards suppliers. Bullying and harassment lead to a warning or to dismissal. Romantic relationships between a manager and someone who reports to them must be disclosed to the people team within a month, so that the reporting line can be changed.

## Side jobs and gifts

A side job is allowed with written consent if it takes no more than 10 hours a week and is not for a competitor. Gifts from suppliers can be accepted up to a value of 30 euros; what is worth more goes into the raffle at the summer party. Invitations to sports events are declined.

## Raising a concern

Talk to your line manager, to the people team or, without giving your name, to the outside ombudsman, Ms Adair. Her line takes messages round the clock and she replies within seven days. Anyone who raises a concern in good faith is protected. In 2025 the ombudsman dealt with nine cases, three of which led to changes.
""",
)

document(
    "people/meeting-rooms-and-kitchens.md",
    """
# Meeting rooms, desks and kitchens

Effective: 2026-01-01

## Rooms and desks

Meeting rooms are booked in the calendar, for two hours at most. A room that nobody has entered 10 minutes after the start is released by the sensor. Desks are shared, other than those with special chairs, and are cleared in the evening. Lockers are given out by the front desk against a deposit of 5 euros.

## Kitchens

Coffee, tea and fruit are free. Every kitchen has one of our own brewers, and the team which finds a fault in it gets cake. Empty the dishwasher when it has finished, whoever you are. Food in the fridges wants a name and a date, and the fridges are cleared out on Friday afternoons.

## Dogs and noise

Dogs are welcome in Ghent and Cork, at most two at a time and entered in the calendar. Elsewhere the landlord does not permit them. Long calls are made in the booths. On the quiet floor, the second one in Leeds, there are no calls at all.
""",
)

rows = "\n".join(
    f"| {OFFICES[o]} | {h[2024][0]} | {h[2024][1]} | {h[2025][0]} | {h[2025][1]} |"
    for o, h in HEADCOUNT.items()
)
document(
    "people/offices-and-headcount.md",
    f"""
# Offices and headcount

Effective: 2026-01-01

## Our offices

Leeds is the head office, with finance, sales and the main warehouse. Lisbon has the workshop for refurbishing machines, which stands in Loures. Gdansk writes our software and runs dispatch. Cork, opened in 2019, is the smallest branch and looks after the whole of Ireland. Ghent houses the technical desk and the school for technicians. Pellmere began in 1987 with a repair shop for tea urns.

## People on 31 December

| Office | Office staff 2024 | Technicians 2024 | Office staff 2025 | Technicians 2025 |
|---|---|---|---|---|
{rows}

## Reading the table

People on parental leave are counted, interns and agency workers are not. Someone with two contracts is counted where most of the hours are worked. The finance team publishes the table each January after the payroll has been closed. Directors are counted as office staff of the place where they live.
""",
)
