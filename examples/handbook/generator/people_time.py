"""People documents about time: leave, illness, family, remote work, overtime."""

from .facts import FAMILY, LEAVE, REMOTE
from .text import document

document(
    "people/about-this-handbook.md",
    """
# About this handbook

Effective: 2026-01-01

## What it covers

This handbook holds the rules for everyone employed by Pellmere and the field manual for the machines we sell. The people pages are kept by the people team in Leeds and the service pages by the technical desk in Ghent. A page that names an office in its title applies to that office only; a page without one applies everywhere. The same goes for machine models on the service pages.

## Which version counts

Some pages exist in several dated versions. The one with the latest effective date is in force, which at present is the 2026 version; older versions are kept so that past cases can be checked, and their status line says that they are superseded. A question that names no year is therefore a question about the current version. Figures for past years, such as sales or headcount, are never superseded.

## If you find nothing

If the pages are silent on something, the honest reply is that it is not in the handbook, and nobody should guess. Send such questions to the people team's shared mailbox, which is answered within three working days. Corrections are gathered through the month and published on the first Monday of the next. The handbook replaced eleven separate wikis in 2023, and a few traces of them may still surface.
""",
)

L = LEAVE["leeds", 2026]
document(
    "people/leave-leeds-2026.md",
    f"""
# Annual leave, Leeds, 2026

Effective: 2026-01-01. Status: in force. Replaces the 2025 version.

## How much you get

Staff employed in Leeds have {L["days"]} days of annual leave a year, on top of the English bank holidays. Part-timers get a share that follows their weekly hours. Leave builds up from the first day of work, and someone who joins halfway through the year gets half. After eight years of service one extra day is added.

## Booking it

Ask for leave in Tally, the staff portal; your line manager has four working days to answer. For an absence of a week or longer, Leeds asks for {L["notice"]} of notice. Shorter absences can be asked for the day before. The office is closed between Christmas and New Year, and those three closing days are taken from your allowance.

## Unused days and bought days

Up to {L["carry"]} unused days may be carried into the next year in Leeds and must be taken by {L["until"]}; the rest is lost. Once a year, in November, you can buy as many as 4 additional days, paid off over twelve months. This scheme began as a trial among the warehouse staff and was popular enough to be offered to all.
""",
)

L = LEAVE["leeds", 2025]
document(
    "people/leave-leeds-2025.md",
    f"""
# Annual leave, Leeds, 2025

Effective: 2025-01-01. Status: superseded by the 2026 version.

## Allowance in 2025

For the year 2025 the Leeds office grants {L["days"]} days of annual leave, bank holidays not counted. The number rose after the staff survey of the previous autumn, in which leave was the subject raised most often. Part-time colleagues get a share. One extra day is added after ten years of service.

## Asking for leave in Leeds in 2025

Requests go through Tally, the portal which took the place of the paper form. In 2025 an absence of a week or longer needs {L["notice"]} of notice, and the line manager has five working days to answer. Teams which look after customers keep a calendar so that no more than a third of them are away together.

## Carrying over from 2025

At the end of 2025, staff in Leeds may carry {L["carry"]} days into the next year, to be used by {L["until"]}. As many as 2 additional days can be bought in November. Days sold or given to a colleague are not foreseen.
""",
)

L = LEAVE["leeds", 2024]
document(
    "people/leave-leeds-2024.md",
    f"""
# Annual leave, Leeds, 2024

Effective: 2024-01-01. Status: superseded, first by the 2025 and then by the 2026 version.

## The allowance for 2024

In 2024 full-time staff in Leeds have {L["days"]} days of annual leave plus the bank holidays. Warehouse and office share the same number for the first time; until now the warehouse had two fewer. New starters build up leave month by month.

## Requests in Leeds in 2024

Leave is requested on the green paper form, signed by the line manager and handed to the people team on the second floor. The notice for a week or longer in 2024 is {L["notice"]}. Urgent requests can be made by telephone, and the form follows afterwards.

## What is left at year's end in Leeds

No more than {L["carry"]} days may be taken over from 2024 into January, and they must be used by {L["until"]}. Leave cannot be bought. Anyone kept from taking leave by long illness should talk to the people team, since other rules apply in that case.
""",
)

L = LEAVE["lisbon", 2026]
document(
    "people/leave-lisbon-2026.md",
    f"""
# Annual leave, Lisbon, 2026

Effective: 2026-01-01. Status: in force. Replaces the 2025 version.

## Entitlement

Colleagues on a Lisbon contract are entitled to {L["days"]} working days of holiday each year, in addition to the national holidays and the municipal holiday of 13 June. The day of your birthday is free as well and is not deducted. During the first calendar year, two days build up per full month worked.

## The August closure

The Lisbon office and workshop close for the second and third week of August, when most of our customers there close too. Ten days of the allowance are therefore fixed. A skeleton crew of three technicians stays on for hospitals and gets those days back in October. The custom goes back to the workshop's founder and was confirmed by the staff committee.

## Requests and leftovers

Longer holidays, meaning a week and upwards, have to be announced in Tally {L["notice"]} ahead in Lisbon. As many as {L["carry"]} leftover days move into the new year, where they expire on {L["until"]}. Buying days is not offered here, because local law does not allow it in this form.
""",
)

L = LEAVE["lisbon", 2025]
document(
    "people/leave-lisbon-2025.md",
    f"""
# Annual leave, Lisbon, 2025

Effective: 2025-01-01. Status: superseded by the 2026 version.

## Entitlement in 2025

In 2025 a Lisbon contract gives {L["days"]} working days of holiday, national and municipal holidays aside. The birthday is a normal working day. In the first calendar year two days build up for each full month worked, as the law provides.

## Closure in summer 2025

During 2025 the Lisbon workshop closes for one week only, the third week of August. Five days of the allowance are fixed for this. The staff committee has asked for a longer closure, and the matter will be looked at again before the next version is published.

## Requests and leftovers in Lisbon in 2025

Holidays of a week or more must be announced {L["notice"]} ahead. {L["carry"]} days can be taken into the following year and used until {L["until"]}. Those who could not use their days because of a customer emergency may have them paid out, if the branch manager agrees in writing.
""",
)

L = LEAVE["gdansk", 2026]
document(
    "people/leave-gdansk-2026.md",
    f"""
# Annual leave, Gdansk, 2026

Effective: 2026-01-01. Status: in force.

## Days

In Gdansk we give every employee {L["days"]} days of leave, whatever their seniority; the statutory difference between shorter and longer careers does not matter with us. Four of these may be taken at a moment's notice, by a message to the line manager before the start of the working day. If a public holiday falls on a Saturday, a free day is given instead.

## Planning

The Gdansk team draws up its leave plan in February. Everyone should have one unbroken rest of at least fourteen calendar days. Changes to the plan, or a week or more that was not in it, need {L["notice"]} of notice. The software engineers also keep a rota, so that one of them can always be reached for the dispatch system.

## What is not used

Days left at the end of December stay valid until {L["until"]}, up to a limit of {L["carry"]}. In addition, Gdansk staff may spend two paid days a year on volunteering with a registered charity. Ask for a short note from the charity and attach it in Tally.
""",
)

L = LEAVE["cork", 2026]
document(
    "people/leave-cork-2026.md",
    f"""
# Annual leave, Cork, 2026

Effective: 2026-01-01. Status: in force.

## Your days in Cork

The leave year in Cork runs from 1 April to 31 March, unlike elsewhere in the company, and brings {L["days"]} days. Good Friday is a company holiday in Cork although it is not a public one. Because the team is small, only two technicians may be away in the same week.

## Asking

Speak to the branch manager first, then enter the dates in Tally. The branch wants {L["notice"]} of warning for anything of a week or longer, because cover has to be arranged from Leeds. The branch manager answers within two working days. During the Cork regatta week in July, requests are drawn by lot among those who ask.

## Carrying and buying

If the year ends with days in hand, {L["carry"]} of them can be kept for the following one, until {L["until"]}. The Cork office lets you buy as many as 3 further days, in one go, in September. The price is a day's gross salary each. Selling days has been asked for but is not possible.
""",
)

L = LEAVE["ghent", 2026]
document(
    "people/leave-ghent-2026.md",
    f"""
# Annual leave, Ghent, 2026

Effective: 2026-01-01. Status: in force.

## Statutory and company days

People employed in Ghent have {L["days"]} days of leave and, because the working week there is 39 hours, a further 6 compensation days. Compensation days are fixed by the works council in December and cannot be moved. Every five years of service add one more day of ordinary leave.

## Arranging it in Ghent

Tell the planning desk {L["notice"]} before a holiday of a week or longer; for single days two working days are enough. The works council sets one bridge day each year, in 2026 the Friday after Ascension. The technical desk stays open on that day with two people, who choose another.

## At the end of the year

A maximum of {L["carry"]} days can be kept beyond the end of the year in Ghent, to be taken before {L["until"]}. Nothing is paid out unless you leave the company. Holiday pay is transferred with the May salary, as is usual in Belgium, and is calculated by the payroll office.
""",
)

document(
    "people/sickness-leeds.md",
    """
# Sickness absence, Leeds

Effective: 2026-01-01

## Letting us know in Leeds

If you are unwell, ring your line manager before 09:00 on the first day; a text message is not enough. Agree when you will speak next. Someone who falls ill during annual leave gets the days back if a doctor's note is handed in. Please do not work from home while ill: colleagues would rather wait.

## Notes and pay in Leeds

For the first seven calendar days you certify yourself on the form in Tally. From the eighth day a doctor's note is needed. Leeds pays full salary for 12 weeks of illness within any twelve months, and after that half salary for a further 8 weeks. The waiting days which once applied were dropped in 2022.

## Coming back to work in Leeds

After more than ten working days of absence there is a return talk with the line manager and, if wished, someone from the people team. Occupational health can suggest shorter hours for up to six weeks. The talk is meant to help and does not go on file.
""",
)

document(
    "people/sickness-lisbon.md",
    """
# Sickness absence, Lisbon

Effective: 2026-01-01

## First day

Colleagues in Lisbon send a message to the branch office by 08:30 and say, if they can, how long they expect to be away. The reason for the absence need not be given. Technicians also tell dispatch, so that their calls can be handed over before the vans leave.

## Certificate and money

A medical certificate is due within five days, counted from the first day of illness, and is sent by the health centre in electronic form. Social security pays part of the salary. Pellmere tops this up to 90 percent of net pay for the first 10 weeks in Lisbon. Beyond that only the statutory amount is paid.

## Long absences in Lisbon

After thirty days the people team gets in touch to offer a talk with the company doctor, whose practice is near Rossio. A gradual return, starting with half days, can last up to two months. Team events are open to those on sick leave too, if their doctor does not mind.
""",
)

document(
    "people/sickness-gdansk.md",
    """
# Sickness absence, Gdansk

Effective: 2026-01-01

## Reporting

In Gdansk, write in the team channel or call your lead before 10:00. Doctors issue an electronic certificate which reaches payroll by itself, so there is nothing to hand in. For a single day of feeling poorly, staff may use a wellness day, of which there are 3 a year and for which no certificate is asked.

## Pay while ill in Gdansk

Pellmere pays 100 percent of salary for the first 33 days in a calendar year, where the law asks for 80. From then on the social insurance takes over at its own rate. Those above the age of fifty reach that point sooner, and the company makes up the difference for them.

## Caring for a child

A parent whose child is ill may stay at home for up to 60 days a year on the state allowance. In addition, Gdansk gives two fully paid days. Both parents may share these if both work for us, which at last count was true of four families.
""",
)

F = FAMILY[2026]
document(
    "people/family-leave-2026.md",
    f"""
# Family leave, 2026

Effective: 2026-01-01. Status: in force. Replaces the 2025 version.

## Birth and adoption

The parent who gives birth, or who is the first carer after an adoption, gets {F["birth"]} weeks at full pay in every office. Where local law gives more, the law applies. Tell the people team at least fifteen weeks before the due date if you can. The medical side is confidential and is seen by one named person only.

## The other parent

The partner has {F["partner"]} weeks at full pay, to be taken within the first year and, if wished, in two blocks. Appointments before the birth are free as well: the partner may join {F["appointments"]} of them in working time. Dispatch arranges cover for technicians, who should not have to find it themselves.

## Returning

Those who come back may work 80 percent for full pay during the first two months. A return payment of {F["return_bonus"]} euros helps with child care. The rules were rewritten by a group of nine parents from all offices, who met four times. Questions go to the people partner of your office.

## Bereavement and other events

After the death of a close relative everyone has 5 paid days, and for a more distant one a single day. Two days are given for one's own wedding, and one for moving house.
""",
)

F = FAMILY[2025]
document(
    "people/family-leave-2025.md",
    f"""
# Family leave, 2025

Effective: 2025-01-01. Status: superseded by the 2026 version.

## Birth and adoption in 2025

Throughout 2025 the parent giving birth, or the main carer after an adoption, receives {F["birth"]} weeks at full pay. Please tell the people team twelve weeks before the date. Where an office's national law is more generous it takes precedence, as it does in Gdansk for the length of the leave.

## Partners in 2025

Partners are given {F["partner"]} weeks at full pay in 2025, taken in one block within six months of the birth. They may attend {F["appointments"]} appointments in working time. The block was chosen to make cover simple, and there have been complaints about it which the next version will take up.

## Return in 2025

A return payment of {F["return_bonus"]} euros is made with the first salary. Shorter hours can be agreed with the line manager, but pay follows the hours. For a bereavement 3 paid days are given, and one for a wedding.
""",
)

R = REMOTE[2026]
document(
    "people/remote-work-2026.md",
    f"""
# Remote work, 2026

Effective: 2026-01-01. Status: in force. Replaces the 2025 version.

## Days at home

Office staff may work from home on up to {R["days"]} days a week once their first month is over. {R["anchor"]} is the day on which everybody comes in, so that teams see each other. Field technicians and the warehouse are not covered, for plain reasons, though technicians may do their written reports wherever they like.

## Hours

Whoever works remotely can be reached during the core hours, {R["core"]} local time. Outside them you arrange your day as you wish, within the law on rest. Nobody has to answer messages in the evening. A camera may stay off, except when you meet a customer for the first time.

## Equipment and costs

Every {R["every"]} years you can claim {R["allowance"]} euros for a desk, a chair or a lamp. The company lends a screen and a docking station. Electricity and internet are not refunded. Chairs bought with the allowance are yours to keep, while lent equipment goes back when you leave. The limits were raised after a survey on back pain.
""",
)

R = REMOTE[2025]
document(
    "people/remote-work-2025.md",
    f"""
# Remote work, 2025

Effective: 2025-01-01. Status: superseded by the 2026 version.

## Days at home in 2025

In 2025 office staff can work from home on {R["days"]} days a week after they have passed probation. {R["anchor"]} is kept as a common office day. The arrangement is put in writing between you and your line manager and is looked at once a year.

## Hours in 2025

During 2025 the core hours for remote workers are {R["core"]}. Outside them, people plan their own time. Teams that serve customers may agree on other hours, provided that they write them down in their channel for others to find.

## Equipment in 2025

A sum of {R["allowance"]} euros is available every {R["every"]} years for furniture at home. Screens are lent while stocks last, and there is a waiting list for docking stations. The allowance was introduced in 2021, when offices had to close, and has been the same since.
""",
)

document(
    "people/working-abroad.md",
    """
# Working from another country

Effective: 2026-01-01

## How long

You may work from another country of the European Union for up to 20 working days in a calendar year. For countries outside it the limit is 8 working days, and the people team checks visa and tax matters first. Working abroad never counts as a business trip, so travel is at your own cost. The limits come from our tax adviser and cannot be stretched.

## Asking for it

Apply in Tally at least five weeks before you leave, naming the address where you will work. Your line manager and the people team both have to agree. Social security papers are ordered for you; keep a copy on your phone, since inspectors may ask for it.

## Safety and who is left out

Only company laptops may be used, with the tunnel called Burrow switched on throughout. Countries on the red list of the security team are excluded. Interns and field technicians cannot make use of this rule. Laptops must not be left in hire cars, not even in the boot.
""",
)

document(
    "people/overtime-and-on-call.md",
    """
# Overtime and on-call duty

Effective: 2026-01-01

## Overtime

Extra hours must be agreed beforehand with the line manager, other than in emergencies at a customer's site. They are given back as time off within three months. If that proves impossible they are paid with a supplement of 25 percent, or 60 percent on Sundays and public holidays. Managers of grade seven and above get no pay for overtime.

## On-call duty for technicians

The on-call week starts on Thursday at 16:00 and lasts until the following Thursday. It is rewarded with a flat 210 euros, plus 45 euros for each call-out. Nobody does more than one week in four. You should be on the road 30 minutes after the call, and a van is left with you for that week.

## Rest

Between the end of a call-out and the next shift there must be eleven hours, even when this means that the morning's jobs are moved. Dispatch does so without asking for reasons. The rule was tightened after two accidents in the winter of 2023, and it is not open to bargaining. Swaps of on-call weeks are entered by Monday noon.
""",
)
