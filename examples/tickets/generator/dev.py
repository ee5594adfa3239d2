"""Wordings, names and products of `dev`, none of them in `train` or `test`."""

FIRST = [
    "Anselm",
    "Beatriz",
    "Cosmo",
    "Delphine",
    "Eoin",
    "Farida",
    "Gerwin",
    "Hanneke",
    "Ignacio",
    "Jadwiga",
    "Kaspar",
    "Liesel",
    "Mateo",
    "Nadine",
    "Oskar",
    "Priya",
]
LAST = [
    "Achterberg",
    "Bellamy",
    "Cisneros",
    "Duvall",
    "Engstrom",
    "Fontaine",
    "Gallagher",
    "Halloran",
    "Iversen",
    "Janssens",
    "Kaminski",
    "Lombardi",
    "Moreau",
    "Novotny",
    "Okafor",
    "Pryce",
]
STAFF = ["Mrs Tarrant", "Mr Vandam", "a lady called Ines", "Ms Fairbairn"]
LINES = [
    "Amber",
    "Birch",
    "Cobalt",
    "Dorado",
    "Ember",
    "Flint",
    "Gannet",
    "Heron",
    "Indigo",
    "Jasper",
    "Koru",
    "Linnet",
]
KINDS = [
    "blender",
    "bookcase",
    "hair dryer",
    "ironing board",
    "picnic basket",
    "reading light",
    "sewing machine",
    "shower head",
    "slow cooker",
    "parasol",
    "tea trolley",
    "air purifier",
]

ISSUES = {
    "late": [
        "Where is my {p}? It was to be brought to my door{when}.",
        "The {p} has not reached us, even though it was supposed to{when}.",
        "I bought the {p}{when} and nothing has been delivered so far.",
        "We still wait for the van that was meant to bring the {p}{when}.",
        "The {p} is late again.",
        "Your shipment of the {p} seems to be lost, I expected it{when}.",
    ],
    "damaged": [
        "The {p} has a cracked corner, it was like that when the carrier left it{when}.",
        "Upon delivery{when} the {p} was broken in two.",
        "The {p} was badly knocked about in transit and arrived{when} with dents.",
        "I received the {p}{when} and its housing is cracked.",
        "Bad packing: the {p} was already broken as I took it out of the box{when}.",
        "The {p} got here scratched and dented.",
    ],
    "defect": [
        "The {p} no longer works, it gave up{when}.",
        "Something inside the {p} is faulty: it will not start.",
        "The {p} began to stutter{when} and now it does not run at all.",
        "I cannot get the {p} to turn on.",
        "The {p} failed{when} after a few minutes of use.",
        "The motor of the {p} gave out{when}.",
    ],
    "wrong_item": [
        "The parcel that came{when} holds the wrong article, it ought to be the {p}.",
        "You delivered another product{when} in place of the {p}.",
        "I chose the {p}, yet a different model was in the package{when}.",
        "Wrong item received{when}, my order was for the {p}.",
        "The {p} I got is in the wrong colour.",
        "Somebody mixed up the orders: the {p} was ordered, something else was sent{when}.",
    ],
    "missing_part": [
        "I saw{when} that parts of the {p} are missing.",
        "In the carton of the {p}, opened{when}, the screws were absent.",
        "The {p} is incomplete, the power cord was not with it{when}.",
        "One of the shelves or pieces that belong to the {p} was not packed.",
        "The {p} was brought{when} but a bracket is missing.",
        "I miss the lid that should come with the {p}{when}.",
    ],
    "billing": [
        "Two payments for the {p} left my account{when}.",
        "You wrote an invoice{when} for the {p} with another price than your catalogue.",
        "You charged too much for the {p}{when}.",
        "For the {p} I have been billed a second time{when}.",
        "The bill for the {p} is wrong.",
        "The voucher was not deducted when I paid for the {p}{when}.",
    ],
    "return": [
        "I should like to return the {p}, which I received{when}, since it is too large.",
        "The {p} does not please us and shall go back to you, we have had it since it came{when}.",
        "We have no use for the {p} delivered{when} and are returning it.",
        "I decided against the {p} and would like to send it back unused.",
        "How good that there is a right to return: the {p} bought{when} is not for me.",
        "The {p}, still sealed, is to go back.",
    ],
    "question": [
        "Could you say whether the {p} is suitable for a small flat?",
        "I own the {p} since it was delivered{when}; how often should it be serviced?",
        "Where do I find the instructions for the {p}?",
        "Is the {p} covered by a guarantee, and for how many years?",
        "What is the weight of the {p}?",
        "Are there accessories for the {p} that I got{when}?",
    ],
}
ACTIONS = {
    "refund": [
        "I ask you to refund the price.",
        "Please transfer the money back to me.",
        "I demand my money back.",
        "A refund, please.",
    ],
    "replacement": [
        "Please replace it.",
        "Send another one, please.",
        "I ask for an exchange.",
        "I would be glad of a replacement.",
    ],
    "repair": [
        "I would like to have it repaired.",
        "Can you mend it?",
        "Please arrange for a repair.",
        "Will you fix it?",
    ],
    "spare_part": [
        "Please post the part to me.",
        "I only need the missing part.",
        "Could I have the spare part sent?",
        "Just send the piece.",
    ],
    "information": [
        "Please let me know what happens next.",
        "I ask for information.",
        "Would you tell me the state of affairs?",
        "Can you explain this to me?",
    ],
    "cancellation": [
        "I would like to cancel my order.",
        "Cancel it, please.",
        "Please cancel everything.",
        "Consider the order cancelled.",
    ],
}
NOUNS = {
    "refund": "the money back",
    "replacement": "an exchange",
    "repair": "a proper repair",
    "spare_part": "the missing part",
    "information": "an explanation",
    "cancellation": "the order cancelled",
}
EITHER = [
    "I would like {a}, otherwise {b}.",
    "Best would be {a}, next best {b}.",
]
HIGH = [
    "It must be sorted out before the {n}th.",
    "It caught fire for a moment!",
    "I leave on the {n}th and need it until then.",
    "I got a shock from it when I touched it.",
    "The party is on the {n}th.",
]
LOW = [
    "It is not pressing.",
    "There is no rush with this.",
    "You need not hurry.",
    "I am in no hurry about it.",
    "It can wait a few weeks.",
]
MAIN = [
    "What is most important, though:",
    "But first and foremost:",
    "However, the main thing is this.",
    "This here matters more to me:",
]
FURTHER = [
    "In addition:",
    "There is a second thing.",
    "Apart from that:",
    "Furthermore,",
]
IDLE = [
    "I am quite upset about this.",
    "We have shopped with you since the store in the old mill opened.",
    "I have already explained it to {staff} on the phone.",
    "On the label it says {serial}.",
    "My husband thinks I should not have ordered online.",
    "Sorry for the long message.",
    "What a mess!",
    "The lift in our house is out of order, but that is another story.",
    "Your website is hard to use on my phone.",
    "I enclose a picture.",
]
ORDER = [
    "The number of the order: {order}.",
    "This concerns {order}.",
    "Ordered under number {order}.",
    "Order no. {order}",
]
CONTACT = [
    "I can be contacted at {contact}.",
    "An answer to {contact} would be kind.",
    "Reach me under {contact}.",
    "My details: {contact}",
]
GREETING = ["Good day,", "Dear customer service,", "Hello everybody,"]
SIGNED = ["Sincerely, {name}", "With best regards, {name}", "Many thanks\n{name}"]
OPENED = ["I am {name}.", "{name} writing here."]
