"""What notes are about: fifteen occasions, each with four notes as staff jot them down and two
rewrites in the house style. Both are filled from the same facts:

    {who} a resident   {flat} a number   {day}, {day2} days   {time}, {time2} hours
    {sum} euros        {n} a small number of days or pieces

The last sentence of a rewrite is the one next step; the others tell what happens.
"""

OCCASIONS = {
    "boiler": (
        [
            "{who} flat {flat} - boiler u/s, part on order, fitter {day} {time}, needs access, key w/ porter",
            "boiler flat {flat} ({who}): part ordered ASAP, fitter booked {day} at {time}. tell her key to porter!!",
            "FYI {who}, {flat}: part for boiler was ordered, ETA fitter {day} {time}, access req'd via porter key",
            "flat {flat} {who} boiler again. part on order. fitter there {day}, {time}. key must be left w/ porter",
        ],
        [
            "We have ordered the part for the boiler in flat {flat}. A fitter will install it on {day} at {time}. You do not have to be at home for this. Please leave your key with the porter the evening before.",
            "The part for your boiler in flat {flat} is on order. Our fitter comes to install it on {day} at {time} and needs access to the kitchen. Please give your key to the porter before that day.",
        ],
    ),
    "lift": (
        [
            "lift o/o/o {day} {time}-{time2}, service. {who} flat {flat} has pram - use stairs or goods lift round back",
            "{who} ({flat}): lift sched for service {day} from {time} to {time2}, pls use goods lift",
            "service of lift {day}, {time} till {time2}!! {who} in {flat} to use goods lift, FYI",
            "tell {who} flat {flat} lift off {day} btw {time} and {time2}. goods lift in the yard works",
        ],
        [
            "The lift will stand still for its service on {day} from {time} to {time2}. We know that the stairs to flat {flat} are long. Please use the goods lift in the yard during these hours.",
            "Our engineers will service the lift on {day} between {time} and {time2}. The goods lift in the yard works as usual and takes you to flat {flat}. Please take it while the service lasts.",
        ],
    ),
    "water": (
        [
            "water off {day} {time}-{time2}, valve. {who} flat {flat} - fill a jug or two beforehand",
            "{who} {flat}: no water {day} {time} to {time2}, valve being replaced. fill jugs ASAP",
            "valve change, water shut {day}, {time} - {time2}, affects {flat} ({who}). shd fill jug before",
            "FYI no water in flat {flat} on {day}, {time} till {time2} (valve). {who} to fill jug",
        ],
        [
            "We are replacing a valve in the cellar on {day}. For this the plumber will shut off the water in flat {flat} from {time} to {time2}. Please fill a jug for your tea beforehand.",
            "There will be no water in flat {flat} on {day} between {time} and {time2}. Our plumber needs these hours to change a valve. Please fill a jug or a pan before he starts.",
        ],
    ),
    "parcel": (
        [
            "parcel for {who} flat {flat} at reception since {day}, {n} days then goes back. bring ID",
            "{who} ({flat}) parcel here since {day}!! back to sender in {n} days. needs ID",
            "FYI reception has parcel {who} {flat}, came {day}, will be returned after {n} days, ID req'd",
            "parcel since {day} for flat {flat}, {who}. we keep it {n} days max. ID pls",
        ],
        [
            "A parcel for flat {flat} has been at our reception since {day}. We can keep it for {n} days and must then send it back. Please bring your identity card when you collect it.",
            "Our reception holds a parcel that came for you in flat {flat} on {day}. It goes back to the sender after {n} days. Please collect it with your identity card before then.",
        ],
    ),
    "deposit": (
        [
            "deposit {who} flat {flat}: {sum} euros back, need IBAN, form in by {day}",
            "{who} ({flat}) moved out, gets {sum} euros deposit. send form w/ IBAN by {day} ASAP",
            "refund of deposit {sum} euros was approved, {who} flat {flat}, IBAN form missing, due {day}",
            "FYI deposit flat {flat} = {sum} euros. waiting for IBAN form from {who}, latest {day}",
        ],
        [
            "We will pay back your deposit of {sum} euros for flat {flat}. For the transfer we still need the number of your bank account. Please return the form with this number to us by {day}.",
            "Your deposit of {sum} euros for flat {flat} is ready for you. Only the number of your account is missing before we can send it. Please fill in the form and return it by {day}.",
        ],
    ),
    "noise": (
        [
            "noise complaint re flat {flat}, {who}: music after {time} on {day}. house rules say quiet from {time2}",
            "{who} {flat} - loud music {day} till {time}!! rule is quiet after {time2}, tell him",
            "neighbours complained, flat {flat} ({who}), music {day} at {time}, quiet hrs start {time2}",
            "FYI music was heard from {flat}, {who}, {day} {time}. remind: quiet from {time2} on",
        ],
        [
            "Neighbours have told us of music from flat {flat} on {day} at {time}. Our house rules ask all residents for quiet from {time2} on. Please turn the music down in the evening from now on.",
            "On {day} at {time} music from flat {flat} kept your neighbours awake. In our house the quiet hours begin at {time2}. Please play your music more softly after that hour.",
        ],
    ),
    "keys": (
        [
            "{who} flat {flat} lost key. new one {sum} euros, ready {day}. pay at reception",
            "new key for {flat} ({who}), {sum} euros, P/U from {day}, payment at reception ASAP",
            "FYI key flat {flat}: {who} lost his, replacement was ordered, {sum} euros, avail {day}",
            "lost key {who} ({flat}). {sum} euros!! can be had from {day} at reception",
        ],
        [
            "The locksmith is making a new key for flat {flat}. It costs {sum} euros and will be ready on {day}. Please pay at our reception when you come for the key.",
            "Your new key for flat {flat} will be here on {day}. The locksmith charges {sum} euros for it, and we add nothing to that. Please bring the amount to our reception on that day or later.",
        ],
    ),
    "windows": (
        [
            "window cleaners {day} from {time}, flat {flat} {who}: clear the sills, {n} windows",
            "{who} {flat}: windows ({n}) get cleaned {day} {time}, sills must be empty pls!!",
            "cleaning of {n} windows flat {flat} sched {day} {time}. {who} to clear sills ASAP",
            "FYI {who}, flat {flat}, {n} windows, cleaners come {day} abt {time}. sills empty",
        ],
        [
            "The cleaners will come to flat {flat} on {day} at {time}. They clean all {n} windows from the inside and from the outside. Please clear the sills before they arrive.",
            "On {day} at {time} the cleaners start in flat {flat}. Your {n} windows take them about as long as a cup of tea takes you. Please take your plants off the sills in time.",
        ],
    ),
    "meter": (
        [
            "meter reading due flat {flat} ({who}), by {day}, photo ok, last reading {n} yrs old",
            "{who} {flat} - meter not read for {n} years!! photo of meter by {day} ASAP",
            "need photo of heating meter {flat} {who}, deadline {day}, last one {n} yrs ago",
            "FYI meter of flat {flat} was not read in {n} years, {who} to send photo till {day}",
        ],
        [
            "The last reading of the heating meter in flat {flat} is {n} years old. We need a new one so that your bill shows what you really use. Please send us a photo of the meter by {day}.",
            "For your next bill we need the figure on the heating meter in flat {flat}. Nobody has read it for {n} years, and an estimate would serve neither of us. Please send a photo of it by {day}.",
        ],
    ),
    "alarm": (
        [
            "fire alarm test {day} {time}, approx {n} min, {who} flat {flat} has dog, stay calm",
            "{who} ({flat}) alarm test {day} at {time}, {n} mins, no evac!! keep door shut",
            "FYI test of alarm sched {day} {time}, lasts {n} min. {flat} {who}: door closed pls",
            "alarm will be tested {day}, {time}, {n} min. tell {who} flat {flat} keep door closed",
        ],
        [
            "We test the fire alarm on {day} at {time}. The bell also rings in flat {flat}, and it rings for {n} minutes. Nobody has to leave the house. Please keep your door closed during the test.",
            "On {day} at {time} you will hear the fire alarm in flat {flat} for {n} minutes. This is our yearly test, and there is no danger. Please keep your door closed until the bell stops.",
        ],
    ),
    "parking": (
        [
            "parking space {n} was given to {who} flat {flat} from {day}, {sum} euros p.m., sign contract",
            "{who} {flat} gets space {n}, from {day}, {sum} euros a month. contract to sign ASAP",
            "FYI space {n} free from {day}, next on list {who} ({flat}), {sum} euros pm, needs signature",
            "space {n} - {who} flat {flat} - start {day} - {sum} euros/month - contract at office!!",
        ],
        [
            "Parking space {n} becomes free on {day}, and you are next on our list. It costs {sum} euros a month, which we add to the rent of flat {flat}. Please sign the contract at our office before that day.",
            "We can offer you parking space {n} from {day} on. The price is {sum} euros a month, on top of the rent for flat {flat}. Please come to our office and sign the contract by then.",
        ],
    ),
    "rent": (
        [
            "rent flat {flat} goes up {sum} euros from {day}, {who} has {n} wks to object",
            "{who} ({flat}): new rent + {sum} euros eff. {day}. objection within {n} weeks",
            "FYI increase of {sum} euros was decided for {flat} ({who}), starts {day}, {n} weeks to object in writing",
            "tell {who} flat {flat} +{sum} euros rent per {day}!! can object in {n} weeks",
        ],
        [
            "The rent for flat {flat} rises by {sum} euros a month from {day} on. We enclose a page that shows how we reach this sum. Please write to us within {n} weeks if you object.",
            "From {day} on we ask for {sum} euros more rent each month for flat {flat}. The enclosed page gives our reasons and the comparison with the street. Please send any objection within {n} weeks.",
        ],
    ),
    "painting": (
        [
            "painters stairwell {day} to {day2}, wet paint, {who} flat {flat} keep kids off rail",
            "{who} {flat}: stairwell gets painted {day} - {day2}. paint wet, don't touch rail!!",
            "FYI painting of stairwell sched {day} till {day2}, flat {flat} {who}, rail wet",
            "stairwell painted {day}-{day2}. {who} ({flat}) pls mind the rail, wet, ASAP info",
        ],
        [
            "The painters work in the stairwell from {day} to {day2}. The rail outside flat {flat} will be wet for most of that time. Please keep your hands and your coats away from it.",
            "From {day} to {day2} our painters give the stairwell a fresh coat. They also paint the rail that leads up to flat {flat}. Please do not touch it before they take the signs down.",
        ],
    ),
    "bulky": (
        [
            "bulky waste p/u {day} {time}. {who} flat {flat} registered {n} pcs, put out night before",
            "{who} ({flat}) {n} items bulky waste, truck {day} at {time}, on kerb evening before!!",
            "FYI bulky waste {day}, {time}, flat {flat}, {who}, {n} pcs only, kerb",
            "truck for bulky waste comes {day} {time}. {who} {flat}, {n} pieces were registered. kerb, evening before",
        ],
        [
            "The truck for bulky waste comes on {day} at {time}. For flat {flat} we have registered {n} pieces, and the driver takes no others. Please put them on the kerb the evening before.",
            "We have registered {n} pieces of bulky waste from flat {flat}. The truck collects them on {day} at {time} and does not come a second time. Please carry them to the kerb the evening before.",
        ],
    ),
    "internet": (
        [
            "internet flat {flat} {who}: tech {day} {time}-{time2}, new box, must be home",
            "{who} {flat} - tech for internet comes {day} btw {time} & {time2}. someone home ASAP confirm",
            "FYI new box for internet will be fitted flat {flat} ({who}), {day} {time} to {time2}, be home",
            "internet box {flat}, {who}, {day}, {time} till {time2}. has to be at home!!",
        ],
        [
            "A technician will connect the new internet box in flat {flat} on {day}. He comes between {time} and {time2} and needs a quarter of an hour. Please be at home during that time.",
            "We are giving flat {flat} a new internet box. The technician brings it on {day} between {time} and {time2} and sets it up with you. Please be at home when he rings.",
        ],
    ),
}

NAMES = [
    "Ms Okonkwo", "Mr Pellegrin", "Ms Achterhuis", "Mr Dravid", "Ms Lindholm", "Mr Farrow",
    "Ms Castellane", "Mr Jovanov", "Ms Quayle", "Mr Szeto", "Ms Trommald", "Mr Iwasaki",
    "Ms Beaulac", "Mr Kirchner", "Ms Navratil", "Mr Osei", "Ms Pemberley", "Mr Vukovic",
    "Ms Ytterdal", "Mr Zamora",
]  # fmt: skip
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December"]  # fmt: skip
