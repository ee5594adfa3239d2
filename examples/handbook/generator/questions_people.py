"""Questions on the people documents."""

from .ask import ask, euros, number
from .facts import FAMILY, HEADCOUNT, LEAVE, OFFICES, PER_DIEM, REMOTE, TRAVEL

# About the handbook

ask(
    "people/about-this-handbook",
    "shared mailbox",
    "three working days|3 working days",
    "l: How fast is the people team's shared mailbox answered?",
    "p: I mailed the people team a question, when should I hear back?",
)
ask(
    "people/about-this-handbook",
    "eleven separate wikis",
    "2023",
    "p: Since when do we have this handbook instead of the old wikis?",
)
ask(
    "people/about-this-handbook",
    "Corrections are gathered",
    "the first Monday|first Monday|first Monday of the next month",
    "p: On which day of the month do fixes to these pages go live?",
)
ask(
    "people/about-this-handbook",
    "technical desk in Ghent",
    "the technical desk|the technical desk in Ghent",
    "p: Who maintains the field manual pages?",
)

# Leave


def leave(office, year=2026):
    return LEAVE[office, year]


ask(
    "people/leave-leeds-2026",
    "Staff employed in Leeds",
    f"{leave('leeds')['days']} days|{leave('leeds')['days']}",
    "o: How many days of annual leave do staff in Leeds have?",
    "p: I just signed my contract with the Leeds office. How much holiday do I get, not counting bank holidays?",
    "v: What's the current yearly leave in Leeds?",
)
ask(
    "people/leave-leeds-2026",
    "After eight years",
    "eight years|8 years",
    "o: After how long with the company does a Leeds employee get one more day off?",
    "v: Leeds, current rules: years of service needed for the extra leave day?",
)
ask(
    "people/leave-leeds-2026",
    "of notice",
    "two weeks|2 weeks",
    "o: I work in Leeds and want ten days off in June. How far ahead must I ask?",
    "v: Notice for a week-long holiday in Leeds nowadays?",
)
ask(
    "people/leave-leeds-2026",
    "four working days to answer",
    "four working days|4 working days",
    "p: My boss in Leeds sits on my holiday request. How long may that take under the present rules?",
)
ask(
    "people/leave-leeds-2026",
    "may be carried",
    "5 days|5|five days",
    "o: How many unused days can I carry over in Leeds?",
    "p: Based in Leeds, I've got a week of holiday left in December. How much of it survives into January?",
    "v: What is the max carry-over in Leeds in 2026?",
)
ask(
    "people/leave-leeds-2026",
    "can buy as many",
    "4 days|4|four days|4",
    "o: How many additional days of leave can you buy in Leeds?",
    "p: Leeds office: can I pay for extra time off, and how many days at most?",
)
ask(
    "people/leave-leeds-2025",
    "grants",
    "25 days|25",
    "v: How many days of annual leave did Leeds grant in 2025?",
    "v: What was my holiday allowance last year, 2025, in Leeds?",
)
ask(
    "people/leave-leeds-2025",
    "needs",
    "ten days|10 days",
    "v: What notice did Leeds want in 2025 for a week off?",
)
ask(
    "people/leave-leeds-2025",
    "may carry",
    "4 days|4",
    "v: How many days could Leeds staff take over from 2025?",
    "v: Carry-over limit in Leeds under the 2025 rules?",
)
ask(
    "people/leave-leeds-2025",
    "can be bought",
    "2 days|2|2",
    "v: How many leave days could be bought in Leeds in 2025?",
)
ask(
    "people/leave-leeds-2025",
    "ten years of service",
    "ten years|10 years",
    "v: Under the 2025 Leeds rules, after how many years of service was a day added?",
)
ask(
    "people/leave-leeds-2024",
    "In 2024 full-time",
    "23 days|23",
    "v: How much annual leave did full-timers in Leeds have in 2024?",
    "v: Checking an old case: Leeds holiday entitlement in 2024?",
)
ask(
    "people/leave-leeds-2024",
    "must be used by",
    "31 January",
    "v: By when did days left over from 2024 have to be used in Leeds?",
)
ask(
    "people/leave-leeds-2024",
    "The notice for a week",
    "one week|1 week",
    "v: In 2024, how much warning did Leeds need before a week of leave?",
)
ask(
    "people/leave-leeds-2024",
    "green paper form",
    "the green paper form|green paper form",
    "v: What did people in Leeds fill in to ask for leave back in 2024?",
)
ask(
    "people/leave-lisbon-2026",
    "entitled to",
    "25 days|25 working days|25",
    "o: How many working days of holiday does a Lisbon contract give me?",
    "p: Moving to the Portuguese team, how much time off will I have per year?",
)
ask(
    "people/leave-lisbon-2026",
    "day of your birthday",
    "no|free|no, it is free",
    "p: Do I have to work on my birthday in Lisbon?",
)
ask(
    "people/leave-lisbon-2026",
    "second and third week",
    "second and third week of August|the second and third week of August",
    "o: When does the Lisbon office close in summer?",
    "p: Which weeks is everything shut in Lisbon?",
)
ask(
    "people/leave-lisbon-2026",
    "Ten days of the allowance",
    "ten days|ten|10 days",
    "p: How much of my Lisbon holiday is eaten up by the August shutdown?",
)
ask(
    "people/leave-lisbon-2026",
    "have to be announced",
    "three weeks|3 weeks",
    "o: How long ahead do I announce a two-week holiday in Lisbon?",
)
ask(
    "people/leave-lisbon-2026",
    "leftover days move",
    "6 days|6",
    "o: In Lisbon, how many leftover days move into the new year?",
    "p: I'm in the Lisbon team with plenty of vacation unspent. What's the most I keep next year?",
)
ask(
    "people/leave-lisbon-2026",
    "Buying days is not offered",
    "local law does not allow it|local law|not allowed by local law",
    "p: Why can't Lisbon colleagues purchase additional vacation?",
)
ask(
    "people/leave-lisbon-2025",
    "gives 23",
    "23 days|23 working days|23",
    "v: How many days of holiday did people in Lisbon get in 2025?",
)
ask(
    "people/leave-lisbon-2025",
    "days can be taken into",
    "2 days|2",
    "v: Lisbon 2025: how many days could be taken into the following year?",
)
ask(
    "people/leave-lisbon-2025",
    "closes for one week only",
    "one week|the third week of August|one week only",
    "v: For how long did the Lisbon workshop close in summer 2025?",
)
ask(
    "people/leave-lisbon-2025",
    "birthday is a normal",
    "a normal working day|normal working day|no",
    "v: Was your birthday a free day in Lisbon in 2025?",
)
ask(
    "people/leave-gdansk-2026",
    "every employee",
    "28 days|28",
    "o: How many days of leave do we give in Gdansk?",
    "p: What's the vacation allowance for the Polish office?",
)
ask(
    "people/leave-gdansk-2026",
    "at a moment's notice",
    "four|four days|4",
    "p: In Gdansk, how many days off can I take spontaneously on the same morning?",
    "o: Days of leave at a moment's notice in Gdansk?",
)
ask(
    "people/leave-gdansk-2026",
    "that was not in it",
    "twelve working days|12 working days",
    "o: I want a week off in Gdansk that isn't in the leave plan. How much notice?",
)
ask(
    "people/leave-gdansk-2026",
    "stay valid until",
    "30 September",
    "o: Until when do old holidays stay valid in Gdansk?",
    "p: Gdansk: when do last year's leftover days expire?",
)
ask(
    "people/leave-gdansk-2026",
    "volunteering",
    "two|two days|2 days|2",
    "p: I help at an animal shelter in Gdansk. How many paid days can I have for that?",
)
ask(
    "people/leave-gdansk-2026",
    "unbroken rest",
    "fourteen calendar days|14 calendar days|fourteen days",
    "p: What's the shortest long break everybody in Gdansk should have in one go?",
)
ask(
    "people/leave-cork-2026",
    "leave year in Cork runs",
    "24 days|24",
    "o: How many days of leave does Cork give?",
    "p: What's my annual holiday if I join the Irish branch?",
)
ask(
    "people/leave-cork-2026",
    "1 April to 31 March",
    "1 April|on 1 April",
    "p: When does a new holiday year begin for the Irish branch?",
)
ask(
    "people/leave-cork-2026",
    "only two technicians",
    "two|2",
    "o: How many technicians may be off in the same week in Cork?",
)
ask(
    "people/leave-cork-2026",
    "of warning",
    "four weeks|4 weeks",
    "o: How much warning does the Cork branch want for a week of leave?",
)
ask(
    "people/leave-cork-2026",
    "days in hand",
    "7 days|7",
    "o: How many days can be kept for the following year in Cork?",
    "p: Leftover vacation in Cork, how much rolls over?",
)
ask(
    "people/leave-cork-2026",
    "buy as many as",
    "3 days|3|three",
    "o: How many extra days can I buy in Cork?",
)
ask(
    "people/leave-cork-2026",
    "regatta week",
    "drawn by lot|by lot|a draw",
    "p: Everyone in Cork wants the sailing festival week off. How is it decided who gets it?",
)
ask(
    "people/leave-ghent-2026",
    "compensation days.",
    "6 days|6 compensation days|6",
    "o: How many compensation days do we have in Ghent?",
    "p: Our Belgian week is 39 hours. How many days do I get back for that?",
)
ask(
    "people/leave-ghent-2026",
    "Tell the planning desk",
    "one month|a month|1 month",
    "o: How long before a two-week holiday must I tell the planning desk in Ghent?",
)
ask(
    "people/leave-ghent-2026",
    "bridge day",
    "the Friday after Ascension|Friday after Ascension",
    "o: What's the 2026 bridge day in Ghent?",
)
ask(
    "people/leave-ghent-2026",
    "can be kept beyond",
    "3 days|3",
    "o: How many days can be kept beyond the end of the year in Ghent?",
    "p: Ghent here, a colleague says my old holidays lapse. How many can I save?",
)
ask(
    "people/leave-ghent-2026",
    "Holiday pay is transferred",
    "May|with the May salary|in May",
    "p: When do Belgian staff receive their vacation money?",
)

# Illness

ask(
    "people/sickness-leeds",
    "before 09:00",
    "before 09:00|by 09:00|09:00",
    "o: I'm sick in Leeds. By what time do I have to call?",
    "p: Woke up with flu, Leeds office. Deadline to phone my manager?",
)
ask(
    "people/sickness-leeds",
    "From the eighth day",
    "the eighth day|eighth day|from the eighth day",
    "o: From which day is a doctor's note needed in Leeds?",
)
ask(
    "people/sickness-leeds",
    "12 weeks of illness",
    "12 weeks",
    "o: For how many weeks does Leeds pay full salary when you're ill?",
    "p: I face a long recovery after surgery and work in Leeds. How long will I get my whole wage?",
)
ask(
    "people/sickness-leeds",
    "return talk",
    "ten working days|10 working days|more than ten working days",
    "p: After how long off ill does Leeds hold a conversation on coming back?",
)
ask(
    "people/sickness-lisbon",
    "by 08:30",
    "08:30|by 08:30",
    "o: Until when must I message the Lisbon branch if I'm ill?",
)
ask(
    "people/sickness-lisbon",
    "certificate is due",
    "five days|within five days|5 days",
    "o: When is the medical certificate due in Lisbon?",
    "p: How quickly does proof from the doctor have to be in at the Lisbon branch?",
)
ask(
    "people/sickness-lisbon",
    "tops this up",
    "90 percent|90%",
    "o: To how much of net pay does Pellmere top up sick pay in Lisbon?",
    "p: In Lisbon, what share of my normal take-home do I get while I'm off sick?",
)
ask(
    "people/sickness-gdansk",
    "wellness day",
    "3|3 days|three",
    "o: How many wellness days are there in Gdansk?",
    "p: Feeling under the weather in Gdansk, how often a year can I stay home without a certificate?",
)
ask(
    "people/sickness-gdansk",
    "first 33 days",
    "33 days|33",
    "o: For how many days does Gdansk pay 100 percent while ill?",
    "p: How long does full wage continue during illness at the Polish office?",
)
ask(
    "people/sickness-gdansk",
    "before 10:00",
    "10:00|before 10:00",
    "o: Latest hour to report sick in Gdansk?",
)
ask(
    "people/sickness-gdansk",
    "two fully paid days",
    "two|two days|2 days|2",
    "p: My kid has a fever, I'm in Gdansk. How many days on full salary does the company add?",
)

# Family

for year, kind in ((2026, "p"), (2025, "v")):
    F = FAMILY[year]
    when = "" if year == 2026 else " in 2025"
    path = f"people/family-leave-{year}"
    ask(
        path,
        f"{F['birth']} weeks",
        f"{F['birth']} weeks|{F['birth']}",
        f"{kind}: How many weeks of fully paid maternity leave {'are there' if year == 2026 else 'were there in 2025'}?",
        *(
            ("v: We adopt a baby this year and I'll be the main carer. How long on full pay?",)
            if year == 2026
            else ()
        ),
    )
    ask(
        path,
        f"{F['partner']} weeks",
        f"{F['partner']} weeks|{F['partner']}",
        f"{kind}: Paternity leave{when}: how many weeks at full pay?",
        *(
            ("p: My wife is expecting in May. How long can I stay home with full salary?",)
            if year == 2026
            else ()
        ),
    )
    ask(
        path,
        "may join" if year == 2026 else "may attend",
        f"{F['appointments']}|{F['appointments']} appointments",
        f"{kind}: How many appointments before the birth could the partner join in working time{when}?"
        if year == 2025
        else "p: To how many antenatal check-ups can I go along during work as the other parent?",
    )
    ask(
        path,
        "return payment",
        euros(F["return_bonus"]),
        "v: How much was the return payment after family leave in 2025?"
        if year == 2025
        else "l: How high is the return payment for parents?",
    )
ask(
    "people/family-leave-2026",
    "80 percent for full pay",
    "two months|2 months|the first two months",
    "p: Coming back after my baby, for how long can I do four fifths of the hours without losing money?",
)
ask(
    "people/family-leave-2026",
    "due date",
    "fifteen weeks|15 weeks",
    "p: How early should I tell HR that I'm pregnant?",
    "v: Weeks before the due date to inform the people team, current rule?",
)
ask(
    "people/family-leave-2026",
    "close relative",
    "5 days|5 paid days|5",
    "p: My father passed away. How many days off will be paid?",
    "v: Bereavement leave for a close relative, current number of days?",
)
ask(
    "people/family-leave-2026",
    "moving house",
    "one|one day|1 day|1",
    "p: I'm changing flats next month, do I get time off for it and how much?",
    "l: How many days for moving house?",
)
ask(
    "people/family-leave-2026",
    "own wedding",
    "two|two days|2 days|2",
    "p: I'm getting married in July, how many days does the company give?",
)
ask(
    "people/family-leave-2025",
    "bereavement",
    "3 days|3 paid days|3",
    "v: How many paid days were given for a bereavement in 2025?",
)

# Remote work

for year in (2026, 2025):
    R = REMOTE[year]
    path = f"people/remote-work-{year}"
    if year == 2026:
        ask(
            path,
            "up to three days",
            "three|three days|3 days|3",
            "l: How many days a week may office staff work from home?",
            "v: Home office days per week, current policy?",
            "p: How often can I skip the commute each week?",
        )
        ask(
            path,
            "everybody comes in",
            "Tuesday",
            "p: Which weekday is everyone expected to be physically present?",
            "v: What is the common office day in 2026?",
        )
        ask(
            path,
            "core hours",
            "10:00 to 15:00|10:00-15:00|from 10:00 to 15:00",
            "l: What are the core hours for remote work?",
            "p: Between what times do I have to be reachable when I'm at home?",
        )
        ask(
            path,
            "you can claim",
            euros(320),
            "p: My back hurts at the kitchen table. How much will the company put towards a proper chair at home?",
            "l: How much is the allowance for a desk or chair?",
        )
        ask(
            path,
            "Electricity and internet",
            "no|not refunded|are not refunded",
            "p: Will the firm chip in for my broadband at home?",
        )
        ask(
            path,
            "A camera may stay off",
            "meet a customer for the first time|first meeting with a customer",
            "p: When do I have to switch on video in a call?",
        )
    else:
        ask(
            path,
            "can work from home",
            "two|two days|2 days|2",
            "v: How many days a week from home were allowed in 2025?",
        )
        ask(
            path,
            "common office day",
            "Wednesday",
            "v: Which day was the common office day in 2025?",
        )
        ask(
            path,
            "core hours",
            "09:30 to 15:30|09:30-15:30",
            "v: What were the core hours for remote workers in 2025?",
        )
        ask(
            path, "A sum of", euros(250), "v: How big was the furniture allowance for home in 2025?"
        )

ask(
    "people/working-abroad",
    "up to 20 working days",
    "20 working days|20 days|20",
    "l: For how many days can I work from another EU country?",
    "p: I'd like to spend a few weeks with my laptop at my sister's in Spain. What is the yearly maximum?",
)
ask(
    "people/working-abroad",
    "the limit is 8",
    "8 working days|8 days|8",
    "p: Working from Turkey for a bit, how many days are possible?",
    "l: What's the limit for working from countries outside the EU?",
)
ask(
    "people/working-abroad",
    "five weeks before",
    "five weeks|5 weeks|at least five weeks",
    "p: How early must I request permission to work from Italy?",
)
ask("people/working-abroad", "tunnel called", "Burrow", "p: What's the name of our VPN?")
ask(
    "people/working-abroad",
    "Interns and field technicians",
    "interns and field technicians|interns, field technicians",
    "p: Who isn't eligible to do their job from a foreign country?",
)

ask(
    "people/overtime-and-on-call",
    "supplement of 25",
    "60 percent|60%",
    "p: How much extra is paid if I had to work on a Sunday and can't take the time back?",
)
ask(
    "people/overtime-and-on-call",
    "within three months",
    "three months|3 months|within three months",
    "l: Within what time is overtime given back?",
    "p: I stayed late a lot. By when must I get those hours off?",
)
ask(
    "people/overtime-and-on-call",
    "on-call week starts",
    "Thursday at 16:00|Thursday 16:00|on Thursday at 16:00",
    "l: When does the on-call week start?",
)
ask(
    "people/overtime-and-on-call",
    "flat 210",
    euros(210),
    "p: What do I earn for being on standby for a week, before any visits?",
    "l: What is the flat reward for an on-call week?",
)
ask(
    "people/overtime-and-on-call",
    "30 minutes after",
    "30 minutes",
    "p: Dispatch rings at 2 in the night while I'm on standby. How soon must I have set off?",
)
ask(
    "people/overtime-and-on-call",
    "eleven hours",
    "eleven hours|11 hours",
    "p: I got home from an emergency job at 1 am. How many hours off before I start again?",
    "l: How long must the rest between a call-out and the next shift be?",
)
ask(
    "people/overtime-and-on-call",
    "one week in four",
    "one week in four|every fourth week",
    "p: How frequently can somebody be put on standby?",
)
ask(
    "people/overtime-and-on-call",
    "grade seven and above get",
    "grade seven|grade 7|seven|grade seven and above",
    "p: From which grade on are managers not paid for extra hours?",
)

# Travel

for year in (2026, 2025, 2024):
    T = TRAVEL[year]
    path = f"people/travel-{year}"
    km = f"{T['mileage']} euros|€{T['mileage']}|{T['mileage']}|{T['mileage']} euros per kilometre"
    limit = euros(T["approval"]) + "|" + T["approval"].replace(",", "")
    if year == 2026:
        ask(
            path,
            "days ahead",
            "14 days|14",
            "l: How many days ahead must flights be booked?",
            "p: I need to fly to Poland. How early do I have to get the ticket?",
            "v: Advance booking time for flights as of now?",
        )
        ask(
            path,
            "expected to cost more",
            limit,
            "l: Above what cost does a trip need the director's approval?",
            "p: From what price on must my director sign off a journey?",
        )
        ask(
            path,
            "premium economy may be",
            "6 hours|longer than 6 hours|6",
            "l: Above how many hours may I book premium economy?",
            "p: I have a very long flight to a supplier. From what duration can I have a better seat?",
        )
        ask(
            path,
            "first class is allowed",
            "three hours|3 hours|above three hours",
            "p: When am I permitted to sit in the nicer carriage of a train?",
            "l: Above what length of journey is first class on trains allowed?",
        )
        ask(
            path,
            "less than five hours",
            "five hours|5 hours|less than five hours",
            "p: Plane or rail: up to what door-to-door time must I go by rail?",
        )
        ask(
            path,
            "A taxi is refunded",
            "22:30",
            "l: From what time in the evening are taxis refunded?",
            "p: My flight to Leeds lands at 22:10 and I'd be at the cab rank half an hour later. From when is a cab paid?",
        )
        ask(
            path,
            "For your own car",
            km,
            "l: How much is paid per kilometre for your own car?",
            "p: I drove to the customer in my private car. What's the rate?",
            "v: Mileage rate in 2026?",
        )
        ask(
            path,
            "booked in Wayfare",
            "Wayfare",
            "p: Which tool do I use to reserve a trip?",
            "v: What system are trips booked in now?",
        )
        ask(
            path,
            "checked baggage",
            "two|2|two pieces",
            "p: How many suitcases can I check in if I bring my tools along?",
        )
        ask(
            path,
            "Hire cars are",
            "compact|the compact class|compact class",
            "p: What size of rental vehicle may I pick?",
        )
        ask(
            path,
            "Parking fines",
            "the driver|driver",
            "p: I got caught speeding in the rental on a business trip. Who pays?",
        )
    elif year == 2025:
        ask(
            path,
            "days ahead",
            "10 days|10",
            "v: In 2025, how far ahead should flights have been bought?",
        )
        ask(
            path,
            "Above an expected",
            limit,
            "v: Above what amount did the director sign travel in 2025?",
        )
        ask(
            path,
            "premium economy is",
            "8 hours|8|longer than 8 hours",
            "v: Under the 2025 travel rules, from what flight time was premium economy possible?",
        )
        ask(path, "taxis are paid", "23:00", "v: From what hour were taxis paid in 2025?")
        ask(
            path,
            "brings 0.36",
            km,
            "v: What did a private car bring per kilometre in 2025?",
            "v: I forgot a claim from last year: mileage rate 2025?",
        )
        ask(
            path,
            "booked through TripDesk",
            "TripDesk",
            "v: Which service did we book trips through in 2025?",
        )
        ask(
            path,
            "Frequent-flyer",
            "the traveller|traveller",
            "v: Who owned frequent-flyer points under the 2025 rules?",
        )
    else:
        ask(
            path,
            "days ahead",
            "7 days|7",
            "v: How many days ahead did the assistants want to hear of a flight in 2024?",
        )
        ask(
            path,
            "Estimates above",
            limit,
            "v: In 2024, above what estimate did a trip go to the director?",
        )
        ask(
            path,
            "Premium economy applies",
            "9 hours|9|longer than 9 hours",
            "v: 2024 rule for premium economy: flights longer than what?",
        )
        ask(path, "Mileage for a private", km, "v: Mileage per kilometre in 2024?")
        ask(
            path,
            "Claims are made",
            "the yellow form|yellow form",
            "v: What form were travel claims made on in 2024?",
        )

PLACES = {
    "United Kingdom": "Leeds",
    "Portugal": "Lisbon",
    "Poland": "Gdansk",
    "Ireland": "Cork",
    "Belgium": "Ghent",
    "Germany": "Hamburg",
}
DAY = {
    "United Kingdom": (
        "l: Full daily allowance for the United Kingdom?",
        "p: I'm on a job in Leeds for two whole days, what do I get per day for food?",
    ),
    "Portugal": (
        "l: What is the full day rate for Portugal?",
        "p: Coming from Ghent to visit Lisbon, how much meal money a day?",
    ),
    "Poland": (
        "l: Daily allowance for a full day in Poland?",
        "p: Travelling to Gdansk from Cork. What sum do I receive for each full day?",
    ),
    "Ireland": (
        "l: How high is the daily allowance in Ireland, full day?",
        "p: What's the per diem for Cork?",
    ),
    "Belgium": (
        "l: Full day allowance in Belgium?",
        "p: I fly in to see the technical desk in Ghent, which amount for food per full day?",
    ),
    "Germany": (
        "l: What does a full day in Germany bring in daily allowance?",
        "p: Per diem for the trade fair in Hamburg?",
    ),
}
BED = {
    "United Kingdom": "p: What's the priciest room I may book in London?",
    "Portugal": "p: How much may a night in Porto cost at most?",
    "Poland": "p: Max room price in Warsaw?",
    "Ireland": "p: A room in Dublin is 150 a night. What's the cap?",
    "Belgium": "p: Limit for an overnight stay in Brussels?",
    "Germany": "l: Hotel limit per night in Germany?",
}
for country, (day, half, hotel) in PER_DIEM[2026].items():
    ask("people/daily-allowance-2026", f"| {country} | {day} |", euros(day), *DAY[country])
    ask_hotel = BED[country]
    ask("people/daily-allowance-2026", f"| {day} | {half} | {hotel} |", euros(hotel), ask_hotel)
for country in ("Portugal", "Ireland", "Poland"):
    day, half, hotel = PER_DIEM[2025][country]
    ask(
        "people/daily-allowance-2025",
        f"| {country} |",
        euros(day),
        f"v: What was the full day allowance for {country} in 2025?",
    )
    ask(
        "people/daily-allowance-2025",
        f"| {half} | {hotel} |",
        euros(hotel),
        f"v: What was the hotel limit for {country} in 2025?",
    )
ask(
    "people/daily-allowance-2026",
    "20 percent of the full rate",
    "20 percent|20%|20 percent of the full rate",
    "p: My hotel serves a free breakfast. What's taken off my meal money?",
)
ask(
    "people/daily-allowance-2026",
    "more than twelve hours",
    "twelve hours|12 hours|more than twelve hours",
    "p: How long must I be gone to get the whole daily sum?",
)
ask(
    "people/daily-allowance-2026",
    "Staying with friends",
    euros(25),
    "p: I'll sleep at a mate's place instead of a hotel. What's paid?",
    "l: What does staying with friends bring per night?",
)
ask(
    "people/daily-allowance-2026",
    "Countries not listed",
    "Germany|the rate of Germany|Germany's",
    "p: I'm going to Austria, which country's daily rate applies?",
)
ask(
    "people/daily-allowance-2025",
    "six euros",
    "six euros|6 euros",
    "v: What was deducted for a hotel breakfast in 2025?",
)
ask(
    "people/daily-allowance-2025",
    "stay with friends",
    euros(15),
    "v: How much was paid per night for a stay with friends in 2025?",
)

# Expenses

ask(
    "people/expenses-2026",
    "within 30 days",
    "30 days|within 30 days",
    "l: Within how many days must I send in the receipt for a claim?",
    "p: I found a fuel bill in my jacket. How old may it be for me still to get the money?",
    "v: Deadline for expense claims, current version?",
)
ask(
    "people/expenses-2026",
    "Items below",
    euros(15),
    "l: Below what amount is no receipt needed?",
    "p: Lost the slip for a parking ticket. Up to what sum is that fine?",
)
ask(
    "people/expenses-2026",
    "paid out",
    "within eight working days|eight working days|8 working days",
    "p: When will I see the money of an approved claim?",
    "v: How quickly are approved claims paid out these days?",
)
ask(
    "people/expenses-2026",
    "A meal with customers",
    euros(55),
    "p: I'm taking a client to dinner. How much per person?",
    "l: What may a meal with customers cost a head?",
)
ask(
    "people/expenses-2026",
    "Gifts for a customer",
    euros(50),
    "p: What may a present for a client be worth over a year?",
)
ask(
    "people/expenses-2026",
    "team budget, which",
    euros(75),
    "p: How much is there per head and year for going out with the team?",
)
ask(
    "people/expenses-2026",
    "Wine or beer",
    "spirits",
    "p: We had drinks with the client. Which ones will not be reimbursed?",
)
ask(
    "people/expenses-2026",
    "Auditors draw",
    "5 percent|5%",
    "p: What share of claims gets checked afterwards?",
)
ask(
    "people/expenses-2025",
    "has to reach finance",
    "60 days|within 60 days",
    "v: How long did you have to hand in expenses in 2025?",
    "v: What was the deadline for claims under the 2025 version?",
)
ask(
    "people/expenses-2025",
    "amounts under",
    euros(10),
    "v: Under what amount could a receipt be left out in 2025?",
)
ask(
    "people/expenses-2025",
    "limit for a meal",
    euros(40),
    "v: What was the limit for a customer meal in 2025?",
)
ask("people/expenses-2025", "team budget is", euros(60), "v: Team budget per person in 2025?")

ask(
    "people/company-cards",
    "six times a year",
    "six times a year|more than six times a year|6 times a year",
    "p: How often do I have to travel before I can have a company card as office worker?",
)
ask(
    "people/company-cards",
    "monthly limit",
    euros(800) + "",
    "l: What's the monthly card limit for technicians?",
    "p: I'm a technician; how much can I spend by card each month?",
)
ask(
    "people/company-cards",
    "2,500 euros for managers",
    euros("2,500") + "|2500 euros|2500",
    "l: What is the card's monthly limit for managers?",
)
ask(
    "people/company-cards",
    "Drawing cash",
    "no|blocked|it is blocked",
    "p: Can I use the corporate card at an ATM?",
)
ask(
    "people/company-cards",
    "by the 5th",
    "the 5th|5th of the following month|the 5th of the following month",
    "p: Until which day do card receipts have to be uploaded?",
)
ask(
    "people/company-cards",
    "disputed",
    "70 days|up to 70 days",
    "p: There's a strange charge on my card. How long can it be contested?",
)
ask(
    "people/company-cards",
    "six working days to arrive",
    "six working days|6 working days|about six working days",
    "p: My card was stolen and is blocked. How long for a replacement?",
)

# Benefits

ask(
    "people/benefits-leeds",
    "Pellmere pays 7",
    "7 percent|7%",
    "o: What percentage of salary does Pellmere pay into the pension in Leeds?",
    "p: Leeds retirement scheme: what does the employer put in to begin with?",
)
ask(
    "people/benefits-leeds",
    "dental bills",
    "180 pounds|£180|GBP 180",
    "o: Up to how much are dental bills refunded in Leeds?",
    "p: I need a filling, I'm in Leeds. What will I get back per year?",
)
ask(
    "people/benefits-leeds",
    "gym membership",
    "22 pounds|£22|22 pounds a month|GBP 22",
    "o: How much does Leeds add to a gym membership per month?",
    "p: What does the company chip in for fitness in Leeds each month?",
)
ask(
    "people/benefits-leeds",
    "70 pounds towards",
    "70 pounds|£70|GBP 70",
    "o: I need new specs for my screen in Leeds, how much does the company give?",
)
ask(
    "people/benefits-leeds",
    "Season tickets",
    "ten months|10 months|over ten months",
    "p: Over what time do I pay back the train pass loan in Leeds?",
)
ask(
    "people/benefits-lisbon",
    "meal card loaded",
    "9.60 euros|€9.60|9.60",
    "o: What is put on the meal card per working day in Lisbon?",
    "p: Lunch money in Lisbon, how much a day?",
)
ask(
    "people/benefits-lisbon",
    "Dental treatment",
    euros(600),
    "o: Up to what amount is dental treatment covered in Lisbon?",
    "p: I need a crown and work in Lisbon. What's the yearly ceiling?",
)
ask(
    "people/benefits-lisbon",
    "pays 5 percent",
    "5 percent|5%",
    "o: What share of pay goes to the retirement savings plan in Lisbon?",
    "p: How much does the firm save for my old age at the Portuguese office?",
)
ask(
    "people/benefits-lisbon",
    "nursery school",
    "85 euros|€85|85 euros a month",
    "o: How high is the nursery subsidy in Lisbon?",
    "p: We've a two-year-old in day care in Lisbon, does the company help and how much per month?",
)
ask(
    "people/benefits-lisbon",
    "monthly pass",
    "in full|paid in full|yes|yes, in full",
    "p: Is my ferry commute in Lisbon covered?",
)
ask(
    "people/benefits-ghent",
    "meal voucher worth",
    "8 euros|€8|EUR 8",
    "o: What is a meal voucher worth in Ghent?",
    "p: What's the value of the lunch coupon per day at the Belgian office?",
)
ask(
    "people/benefits-ghent",
    "group insurance receives",
    "6 percent|6%",
    "o: What percentage goes into the pension in Ghent?",
    "p: What does the employer pay for retirement in Ghent?",
)
ask(
    "people/benefits-ghent",
    "mobility budget of",
    euros(310),
    "o: How much is the mobility budget in Ghent per month?",
    "p: I'd rather cycle than lease a car in Ghent. What sum do I get monthly?",
)
ask(
    "people/benefits-ghent",
    "charging point at home",
    euros("1,200") + "|1200 euros",
    "o: Up to what amount is a charging point at home paid in Ghent?",
)
ask(
    "people/benefits-ghent",
    "Eco vouchers",
    "200 euros|€200|EUR 200",
    "o: How much do we get in eco vouchers in Ghent?",
)

# Training, referral, pay

ask(
    "people/training-budget-2026",
    "Each member of the office staff",
    euros("1,050") + "|1050 euros|1050",
    "l: How much can office staff spend on courses a year?",
    "p: I'm in finance and eye a conference. What's my yearly pot for learning?",
    "v: Training money for office staff in 2026?",
)
ask(
    "people/training-budget-2026",
    "For field technicians",
    euros("1,400") + "|1400 euros|1400",
    "l: What is the training budget of a field technician?",
    "p: As a technician, how much can I use for certificates per year?",
)
ask(
    "people/training-budget-2026",
    "working days a year for learning",
    "6 days|6 working days|6",
    "p: How many days off work do I have for courses annually?",
    "v: Learning days per year now?",
)
ask(
    "people/training-budget-2026",
    "Exam fees",
    "two|two attempts|2",
    "p: I flunked the exam. For how many tries does the company pay?",
    "v: How many attempts at an exam are currently paid for?",
)
ask(
    "people/training-budget-2026",
    "If a course costs more",
    "eighteen months|18 months",
    "p: If I take a really costly course, how long do I commit to stay?",
)
ask(
    "people/training-budget-2026",
    "Language classes",
    "spoken in one of our offices|it is spoken in one of our offices",
    "p: Under which condition can I learn a language on the budget?",
)
ask(
    "people/training-budget-2025",
    "yearly sum is",
    euros(900),
    "v: What was the training budget for office staff in 2025?",
)
ask(
    "people/training-budget-2025",
    "working days are set aside",
    "4 days|4 working days|4",
    "v: Learning days per person in 2025?",
)
ask(
    "people/training-budget-2025",
    "stay-on agreement",
    "two years|2 years",
    "v: How long was the stay-on agreement for dear courses in 2025?",
)
ask(
    "people/referral-bonus",
    "you receive 1,100",
    euros("1,100") + "|1100 euros|1100",
    "l: What's the referral bonus for a field technician?",
    "p: My neighbour would make a good technician. What do I earn if he's taken on?",
)
ask(
    "people/referral-bonus",
    "passed probation",
    "half|the second half|50 percent|50%",
    "p: What part of the reward for a recommended hire comes only after their trial period?",
)
ask(
    "people/referral-bonus",
    "nine months",
    "nine months|9 months",
    "l: How long does a referral stay valid?",
)
ask(
    "people/referral-bonus",
    "Last year fourteen",
    "fourteen|14",
    "f: How many people joined through referrals last year?",
)
ask(
    "people/pay-and-reviews",
    "on the 27th",
    "27th|the 27th|the 27th of each month",
    "l: When do salaries arrive?",
    "p: What day of the month is the wage in my account?",
)
ask(
    "people/pay-and-reviews",
    "In December they",
    "19th|the 19th",
    "p: Will we be paid before Christmas, and on what date?",
)
ask(
    "people/pay-and-reviews",
    "Changes to bank details",
    "the 12th|12th|by the 12th",
    "p: I switched banks. By when must I tell payroll for it to work this month?",
    "l: Deadline for changes to bank details?",
)
ask(
    "people/pay-and-reviews",
    "April and in October",
    "April and October|in April and in October|April, October",
    "p: In which months are appraisals held?",
)
ask("people/pay-and-reviews", "1 July", "1 July|from 1 July|July 1", "p: When do raises kick in?")
ask(
    "people/pay-and-reviews",
    "second look",
    "fifteen working days|15 working days|within fifteen working days",
    "p: I'm unhappy with my raise. How long do I have to appeal?",
)
ask(
    "people/pay-and-reviews",
    "panel of five",
    "a panel of five managers|panel of five managers|five managers",
    "p: Who decides on promotions?",
)
ask(
    "people/pay-and-reviews",
    "An advance of",
    "once a year|once",
    "p: I'm short of cash. How often can I have part of my wage early?",
)

# Places and things

ask(
    "people/parking-leeds",
    "64 spaces",
    "64|64 spaces",
    "o: How many spaces does the Leeds yard have?",
)
ask(
    "people/parking-leeds",
    "release costs",
    "90 pounds|£90|GBP 90",
    "p: I left my car in Leeds with no permit and it's got a clamp. What will it cost me?",
    "o: What does the release of a clamped car cost in Leeds?",
)
ask(
    "people/parking-leeds",
    "28 pence",
    "28 pence|28p|28 pence per kilowatt-hour",
    "o: How much does charging an electric car cost in Leeds per kWh?",
)
ask(
    "people/parking-leeds",
    "after four hours",
    "four hours|4 hours",
    "p: How long can my EV stay plugged in at Leeds at the most?",
)
ask(
    "people/parking-leeds",
    "three nights",
    "three|three nights|3 nights",
    "o: How many nights may I leave my car in the yard at Leeds?",
)
ask(
    "people/parking-lisbon",
    "35 euros",
    "35 euros|€35|35 euros a month|EUR 35",
    "o: What does a place in the Lisbon garage cost me a month?",
    "p: Price for staff to park underground in Lisbon?",
)
ask(
    "people/parking-lisbon",
    "by the 20th",
    "the 20th|20th|by the 20th",
    "p: I'd like a garage spot in Lisbon next month. Until when can I sign up?",
)
ask(
    "people/parking-lisbon",
    "more than 15 kilometres",
    "15 kilometres|15 km|more than 15 kilometres",
    "o: How far away do I have to live to be in the draw for parking in Lisbon?",
)
ask(
    "people/parking-lisbon",
    "height limit",
    "1.95 metres|1.95 m",
    "o: Height limit of the Lisbon garage?",
)
ask(
    "people/parking-lisbon",
    "stamps their ticket",
    "two hours|2 hours",
    "p: For how long is a guest's car park ticket covered at Lisbon?",
)
ask(
    "people/parking-gdansk",
    "Parkly app",
    "Parkly|the Parkly app|Parkly app",
    "o: In which app do I book a parking place in Gdansk?",
    "p: What do I need on my phone to get a spot for the car at the Polish office?",
)
ask(
    "people/parking-gdansk",
    "locks you out",
    "ten days|10 days",
    "p: I twice forgot to cancel my space in Gdansk. How long am I barred?",
)
ask(
    "people/parking-gdansk",
    "at least 80",
    "500 zloty|PLN 500|500",
    "p: I ride my bike to the Gdansk office all year. What's the reward?",
    "o: How high is the cycling bonus in Gdansk?",
)
ask(
    "people/parking-gdansk",
    "five charging points",
    "nothing|free|costs nothing",
    "p: What do I pay to charge my car in Gdansk at noon?",
)
ask(
    "people/joining-office-staff",
    "buddy",
    "a buddy|buddy|your buddy",
    "p: As a newcomer in the office, whom do I bother with silly questions?",
)
ask(
    "people/joining-office-staff",
    "ten days before",
    "ten days|10 days|at least ten days",
    "p: How long before my start should I pick a computer?",
)
ask(
    "people/joining-office-staff",
    "two days on the road",
    "two|two days|2 days|2",
    "l: How many days do new office staff spend on the road with a technician?",
    "p: For how long does a new accountant ride along in the van?",
)
ask(
    "people/joining-office-staff",
    "Probation lasts six",
    "six months|6 months",
    "l: How long is probation for office staff?",
    "p: I was hired as a clerk. How long is my trial period?",
)
ask(
    "people/joining-office-staff",
    "During this time the notice",
    "two weeks|2 weeks",
    "p: I'm office staff in my third month and want to quit. How much notice do I give?",
)
ask(
    "people/joining-office-staff",
    "four online courses",
    "four|4|four online courses",
    "p: How many e-learning modules does an office newcomer have to complete?",
)
ask(
    "people/joining-technicians",
    "first three weeks",
    "three weeks|3 weeks|the first three weeks",
    "l: How long is the technicians' course in Ghent?",
)
ask(
    "people/joining-technicians",
    "75 percent",
    "75 percent|75%",
    "l: What is the pass mark of the written paper for technicians?",
    "p: What score do I need in the technicians' theory exam?",
)
ask(
    "people/joining-technicians",
    "25 working days",
    "25 working days|25 days|25",
    "p: How long does a new technician accompany someone else before going solo?",
    "l: For how many working days do new technicians ride along?",
)
ask(
    "people/joining-technicians",
    "Probation for technicians",
    "four months|4 months",
    "l: How long does probation last for technicians?",
    "p: I'm starting as a field engineer, when is my trial time over?",
)
ask(
    "people/joining-technicians",
    "130 euros",
    euros(130),
    "p: What does an old hand get for training a new technician?",
)
ask(
    "people/joining-technicians",
    "counted every June",
    "June|in June|every June",
    "p: In what month is my toolbox inventoried?",
)
ask(
    "people/leaving",
    "two months on both sides",
    "two months|2 months",
    "l: What's the notice period after probation?",
    "p: I've been here for three years and found another job. How long do I still have to work?",
)
ask(
    "people/leaving",
    "reference letter",
    "ten working days|10 working days|within ten working days",
    "p: How soon will I have a letter of recommendation?",
)
ask(
    "people/leaving",
    "forwarded for 30",
    "30 days|for 30 days",
    "p: After I've gone, how long do mails to me reach a colleague?",
)
ask(
    "people/leaving",
    "buy their laptop",
    "a tenth of its price|a tenth|10 percent|one tenth of its price",
    "p: I'm quitting and want to keep my four-year-old notebook. What will I pay?",
)
ask(
    "people/leaving",
    "in 2025 there were seven",
    "seven|7",
    "f: How many former employees returned to us in 2025?",
)
ask(
    "people/accounts-and-passwords",
    "at least 16",
    "16 characters|16|at least 16 characters",
    "l: How many characters must a password have?",
    "p: Minimum length for my login secret?",
)
ask(
    "people/accounts-and-passwords",
    "password safe",
    "Nutshell",
    "p: Where should I store my logins?",
)
ask(
    "people/accounts-and-passwords",
    "wrong attempts",
    "20 minutes|for 20 minutes",
    "p: I mistyped my password too often and can't get in. How long till it works again?",
    "l: For how many minutes does an account lock?",
)
ask(
    "people/accounts-and-passwords",
    "Access that has not been used",
    "90 days|for 90 days",
    "p: After what time without logging in do I lose the rights to a system?",
)
ask(
    "people/accounts-and-passwords",
    "IT desk answers from",
    "18:00|18:00 Leeds time",
    "p: Until what time can I reach the helpdesk?",
)
ask(
    "people/accounts-and-passwords",
    "approved by the system's owner",
    "the system's owner|system's owner|the owner of the system",
    "p: Who signs off when I need a new permission in an application?",
)
ask(
    "people/laptops-and-phones",
    "replaced every four years",
    "four years|4 years|every four years",
    "l: How often are laptops replaced?",
    "p: My notebook is three years old and slow. At what age do I get a new one?",
)
ask(
    "people/laptops-and-phones",
    "40 gigabytes",
    "40 gigabytes|40 GB",
    "p: How much data can I use on my work mobile each month?",
    "l: What's the cap on mobile data?",
)
ask(
    "people/laptops-and-phones",
    "a share of 60",
    euros(60),
    "p: I cracked my phone display for the second time. What will I be charged?",
)
ask(
    "people/laptops-and-phones",
    "may be put off",
    "72 hours|up to 72 hours",
    "p: An update wants to install and I'm busy. How long can I delay it?",
)
ask(
    "people/laptops-and-phones",
    "shop named",
    "Larder",
    "p: Where do I get approved programs for my computer?",
)
ask(
    "people/security-incidents",
    "within one hour",
    "one hour|1 hour|within one hour",
    "p: I left my work phone on the tram. How fast must I report that?",
    "l: Within what time must a lost laptop be reported?",
)
ask(
    "people/security-incidents",
    "Practice mails",
    "every two months|two months",
    "p: How frequent are the fake phishing tests?",
)
ask(
    "people/security-incidents",
    "after 14 days",
    "14 days|after 14 days",
    "p: When do site pictures vanish from my tablet?",
)
ask(
    "people/security-incidents",
    "within 12 hours",
    "12 hours|within 12 hours",
    "p: I sent a client list to the wrong address. How long do we have to notify the data officer?",
    "l: Within how many hours must the data officer hear of lost customer data?",
)
ask(
    "people/security-incidents",
    "hook button",
    "the hook button|hook button",
    "p: What do I click when an email looks like fraud?",
)
ask(
    "people/badges-and-visitors",
    "12 euros thereafter",
    euros(12),
    "p: I've lost my entrance card again, second time. What's the charge?",
)
ask(
    "people/badges-and-visitors",
    "from 07:00 to 19:00",
    "07:00 to 19:00|from 07:00 to 19:00|07:00-19:00",
    "p: At what times can I get into another branch with my card?",
)
ask(
    "people/badges-and-visitors",
    "yellow lanyard",
    "yellow|a yellow lanyard",
    "l: What colour of lanyard do visitors wear?",
)
ask(
    "people/badges-and-visitors",
    "costs 140",
    euros(140),
    "p: I tripped the alarm and nobody called it off. What does the guard's visit cost?",
)
ask(
    "people/badges-and-visitors",
    "Fire drills",
    "May and November|in May and November",
    "l: When are fire drills held?",
    "p: In which months do we practise evacuating the building?",
)
ask(
    "people/vans",
    "50 kilometres",
    "50 kilometres a week|50 km a week|50 kilometres|50 km",
    "l: How many kilometres of private use are allowed for a van per week?",
    "p: May I use the work van for my shopping, and how far?",
)
ask(
    "people/vans",
    "0.34 euros",
    "0.34 euros|€0.34|0.34 euros per kilowatt-hour|0.34",
    "p: I charge the electric van in my own garage. What do I get back per kWh?",
)
ask(
    "people/vans",
    "last should go by",
    "2028|the end of 2028|by the end of 2028",
    "p: When will the final diesel van be gone?",
)
ask(
    "people/vans",
    "25,000 kilometres",
    "25,000 kilometres|25000 km|25,000 km",
    "l: How often does a van go for inspection?",
)
ask(
    "people/vans",
    "up to two accidents",
    "the third|third|the third accident|third accident",
    "p: From which crash in a year on does a driver have to train with an instructor?",
)
ask(
    "people/vans",
    "every other week",
    "every other week|every two weeks",
    "p: How often is my work vehicle cleaned?",
)
ask(
    "people/conduct-and-concerns",
    "10 hours a week",
    "10 hours|10 hours a week",
    "p: I'd like to tutor on the side. How many hours are acceptable?",
    "l: How many hours a week may a side job take?",
)
ask(
    "people/conduct-and-concerns",
    "Gifts from suppliers",
    euros(30),
    "p: A parts vendor sent me a bottle. Up to what worth can I keep it?",
    "l: Up to what value can gifts from suppliers be accepted?",
)
ask(
    "people/conduct-and-concerns",
    "ombudsman, Ms Adair",
    "Ms Adair|the ombudsman, Ms Adair|the ombudsman",
    "p: Whom can I tell about wrongdoing anonymously?",
)
ask(
    "people/conduct-and-concerns",
    "within seven days",
    "seven days|within seven days|7 days",
    "p: How soon will the ombudsman answer me?",
)
ask(
    "people/conduct-and-concerns",
    "Romantic relationships",
    "within a month|a month|one month",
    "p: I'm dating someone on my team whom I manage. How long do I have to tell?",
)
ask(
    "people/conduct-and-concerns",
    "nine cases",
    "nine|9|nine cases",
    "f: How many cases did the ombudsman handle in 2025?",
)
ask(
    "people/meeting-rooms-and-kitchens",
    "for two hours at most",
    "two hours|2 hours",
    "l: For how long can a meeting room be booked at most?",
)
ask(
    "people/meeting-rooms-and-kitchens",
    "released by the sensor",
    "10 minutes|10 minutes after the start",
    "p: We're running late for our booked room. When does it get freed for others?",
)
ask(
    "people/meeting-rooms-and-kitchens",
    "Dogs are welcome",
    "Ghent and Cork|Ghent, Cork",
    "p: In which branches can I bring my puppy along?",
)
ask(
    "people/meeting-rooms-and-kitchens",
    "Lockers are given",
    euros(5),
    "l: How high is the deposit for a locker?",
)
ask(
    "people/meeting-rooms-and-kitchens",
    "fridges are cleared",
    "Friday|Friday afternoons|on Friday afternoons",
    "p: When is forgotten lunch thrown out?",
)
ask(
    "people/offices-and-headcount",
    "Cork, opened",
    "2019",
    "p: What year did the Irish branch start?",
)
ask(
    "people/offices-and-headcount",
    "Pellmere began",
    "1987|in 1987",
    "p: How old is our company, I mean when was it founded?",
)
ask(
    "people/offices-and-headcount",
    "writes our software",
    "Gdansk",
    "p: At which location do the programmers sit?",
)

HEADS = {
    ("leeds", 2025, 1): ("How many technicians did Leeds have at the end of 2025?",),
    ("leeds", 2024, 0): ("Office staff in Leeds on 31 December 2024?",),
    ("lisbon", 2025, 0): (
        "How many office people were there in Lisbon at the end of 2025?",
        "Lisbon office staff, December 2025 count?",
    ),
    ("lisbon", 2024, 1): ("How many field technicians worked out of Lisbon at the end of 2024?",),
    ("gdansk", 2025, 0): (
        "Number of office staff in Gdansk on 31 December 2025?",
        "How big was the Gdansk team at the end of 2025, technicians aside?",
    ),
    ("cork", 2025, 1): ("How many technicians did the Cork branch have in December 2025?",),
    ("leeds", 2025, 0): ("How many office staff did Leeds have on 31 December 2025?",),
    ("gdansk", 2024, 1): ("How many technicians belonged to Gdansk at the end of 2024?",),
    ("cork", 2024, 0): ("Office staff in Cork at the end of 2024?",),
    ("lisbon", 2025, 1): ("Technicians in Lisbon, end of 2025?",),
    ("ghent", 2025, 1): (
        "Technicians in Ghent at the end of 2025?",
        "How many field people belonged to Ghent on the last day of 2025?",
    ),
    ("ghent", 2024, 0): ("How many office staff were in Ghent at the end of 2024?",),
}
for (office, year, column), lines in HEADS.items():
    # One table row per office, so all its figures are one group.
    ask(
        "people/offices-and-headcount",
        f"| {OFFICES[office]} |",
        number(HEADCOUNT[office][year][column]),
        *(f"f: {line}" for line in lines),
    )
