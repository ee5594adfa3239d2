"""Wordings, names and products of `test`, none of them in `train` or `dev`."""

FIRST = [
    "Alaric",
    "Bettina",
    "Cornel",
    "Dunja",
    "Esme",
    "Florian",
    "Giulia",
    "Henk",
    "Imogen",
    "Jasna",
    "Kenji",
    "Leocadia",
]
LAST = [
    "Arrowsmith",
    "Baptiste",
    "Czerny",
    "Dahlberg",
    "Esposito",
    "Finnegan",
    "Grimaldi",
    "Hovland",
    "Irigoyen",
    "Jurado",
    "Klimek",
    "Ledoux",
]
STAFF = ["Mr Ashdown", "somebody named Clara", "Ms Winterbourne"]
LINES = [
    "Aster",
    "Bramble",
    "Cinder",
    "Dipper",
    "Egret",
    "Fjord",
    "Gorse",
    "Hazel",
    "Ibis",
    "Jetty",
]
KINDS = [
    "juicer",
    "bed frame",
    "camping stove",
    "door bell",
    "electric blanket",
    "food processor",
    "shoe rack",
    "step ladder",
    "table fan",
    "waffle iron",
]

ISSUES = {
    "late": [
        "I am still without the {p}, which ought to have been here{when}.",
        "The {p} is not here yet, you had announced it{when}.",
        "Nothing has come: the {p} was to be delivered{when}.",
        "The {p} I paid for{when} has yet to arrive.",
        "My {p} does not arrive and does not arrive.",
    ],
    "damaged": [
        "The {p} was broken when it was handed over{when}.",
        "I found dents and a crack in the {p} on opening the parcel{when}.",
        "The {p} must have been crushed on the way, it came{when} with a broken side.",
        "Delivered{when}, damaged: the {p}.",
        "The {p} I unpacked has scratches everywhere and a broken edge.",
    ],
    "defect": [
        "The {p} has ceased to function{when}, I am sorry to say.",
        "The {p} does not work.",
        "The {p} went dead{when} while it was running.",
        "My {p} switches itself off all the time, it started to do so{when}.",
        "There is a technical fault in the {p}, it will not run.",
    ],
    "wrong_item": [
        "You have sent the wrong product{when}; it should have been the {p}.",
        "A different item was in the box{when}, not the {p} from my order.",
        "I did order the {p}, but that is not what was delivered{when}.",
        "The {p} is the wrong size, I ordered another.",
        "The wrong article arrived{when} in place of my {p}.",
    ],
    "missing_part": [
        "Some screws are missing from the package of the {p} I got{when}.",
        "The {p} came{when}, but not complete.",
        "A piece of the {p} was not in the box{when}.",
        "The plug is missing, it should be with the {p}.",
        "The handle of the {p} was not included in what arrived{when}.",
    ],
    "billing": [
        "The sum debited{when} for the {p} is too high.",
        "I have been charged double for the {p}{when}.",
        "There is a mistake in the invoice for the {p} that I got{when}.",
        "The {p} was billed at the wrong price.",
        "I was billed again{when} for the {p}, which I have paid already.",
    ],
    "return": [
        "The {p} from you is not what we need, so I would like to return it; it came{when}.",
        "I wish to send back the {p} that I bought{when}, it is unused.",
        "I want to return the {p}.",
        "We would rather not keep the {p} which was brought{when}, and are sending it back.",
        "The {p} does not fit in our hall, hence it goes back, we received it{when}.",
    ],
    "question": [
        "Is it possible to use the {p} in a damp cellar?",
        "How does one clean the {p}?",
        "I received the {p}{when}; which setting is right for beginners?",
        "How many years of warranty does the {p} have?",
        "Do you have the manual for the {p} that I bought{when}?",
    ],
}
ACTIONS = {
    "refund": [
        "I would like a refund.",
        "Please give me back my money.",
        "Refund the payment, please.",
    ],
    "replacement": [
        "I would like it exchanged.",
        "Please deliver a new one.",
        "Replace it, please.",
    ],
    "repair": [
        "I want it repaired.",
        "Please get it fixed.",
        "Could it be mended?",
    ],
    "spare_part": [
        "Please mail me the part that is missing.",
        "The spare part is enough for me.",
        "Send me that part, please.",
    ],
    "information": [
        "Please explain.",
        "Kindly tell me how it goes on.",
        "I would like to know more.",
    ],
    "cancellation": [
        "I want the order cancelled.",
        "Please cancel.",
        "I wish to cancel the order.",
    ],
}
NOUNS = {
    "refund": "a full refund",
    "replacement": "a new one",
    "repair": "to have it repaired",
    "spare_part": "that one part",
    "information": "more information",
    "cancellation": "to cancel",
}
EITHER = [
    "I ask for {a}, or else {b}.",
    "My wish is {a}, or alternatively {b}.",
]
HIGH = [
    "It must be dealt with before the {n}th.",
    "Flames came out of it.",
    "I need it by the {n}th.",
    "My son was hurt by it.",
]
LOW = [
    "It is in no way urgent.",
    "No need to hurry.",
    "I can wait for it.",
    "There is plenty of time.",
]
MAIN = [
    "But the most important thing is:",
    "Mainly, though, I write for this:",
    "This matters most to me:",
]
FURTHER = [
    "And there is also this:",
    "Another point:",
    "Moreover,",
]
IDLE = [
    "I must say I am angry.",
    "I told {staff} at your hotline all of it.",
    "The type plate reads {serial}.",
    "We are four in the household, with a dog.",
    "I usually buy in the shop in town.",
    "How can that be?",
    "The box was far too big, too.",
    "There is a photo with this message.",
]
ORDER = [
    "The order is {order}.",
    "I ordered under {order}.",
    "Number of my order: {order}",
    "It concerns order {order}.",
]
CONTACT = [
    "Please answer to {contact}.",
    "I am reachable at {contact}.",
    "My contact details are {contact}.",
]
GREETING = ["Dear all,", "Greetings,", "Good afternoon,"]
SIGNED = ["Regards\n{name}", "Yours sincerely, {name}", "Thanks, {name}"]
OPENED = ["I, {name}, write to you.", "Here is {name}."]
