"""The company's facts: plain tables that documents and questions are filled from.

Pellmere, its offices, machines, parts and figures are invented.
"""

OFFICES = {
    "leeds": "Leeds",
    "lisbon": "Lisbon",
    "gdansk": "Gdansk",
    "cork": "Cork",
    "ghent": "Ghent",
}

# (office, year): days of leave, days that may be carried over, until when, notice for a long absence
LEAVE = {
    ("leeds", 2024): {"days": 23, "carry": 3, "until": "31 January", "notice": "one week"},
    ("leeds", 2025): {"days": 25, "carry": 4, "until": "15 March", "notice": "ten days"},
    ("leeds", 2026): {"days": 26, "carry": 5, "until": "31 March", "notice": "two weeks"},
    ("lisbon", 2025): {"days": 23, "carry": 2, "until": "31 May", "notice": "two weeks"},
    ("lisbon", 2026): {"days": 25, "carry": 6, "until": "30 April", "notice": "three weeks"},
    ("gdansk", 2026): {
        "days": 28,
        "carry": 8,
        "until": "30 September",
        "notice": "twelve working days",
    },
    ("cork", 2026): {"days": 24, "carry": 7, "until": "28 February", "notice": "four weeks"},
    ("ghent", 2026): {"days": 22, "carry": 3, "until": "30 June", "notice": "one month"},
}

# Travel rules by year
TRAVEL = {
    2024: {"ahead": 7, "premium": 9, "mileage": "0.33", "approval": "1,000", "taxi": "midnight"},
    2025: {"ahead": 10, "premium": 8, "mileage": "0.36", "approval": "1,200", "taxi": "23:00"},
    2026: {"ahead": 14, "premium": 6, "mileage": "0.41", "approval": "1,500", "taxi": "22:30"},
}

# year: country: (full day, half day, hotel limit per night), euros
PER_DIEM = {
    2025: {
        "United Kingdom": (44, 22, 135),
        "Portugal": (36, 18, 105),
        "Poland": (33, 16, 95),
        "Ireland": (47, 23, 150),
        "Belgium": (42, 21, 130),
        "Germany": (41, 20, 125),
    },
    2026: {
        "United Kingdom": (48, 24, 145),
        "Portugal": (39, 19, 118),
        "Poland": (35, 17, 102),
        "Ireland": (51, 25, 164),
        "Belgium": (45, 22, 138),
        "Germany": (43, 21, 132),
    },
}

EXPENSES = {
    2025: {"claim": 60, "receipt": 10, "client_meal": 40, "paid": "with the next salary"},
    2026: {"claim": 30, "receipt": 15, "client_meal": 55, "paid": "within eight working days"},
}

REMOTE = {
    2025: {
        "days": "two",
        "core": "09:30 to 15:30",
        "anchor": "Wednesday",
        "allowance": 250,
        "every": "four",
    },
    2026: {
        "days": "three",
        "core": "10:00 to 15:00",
        "anchor": "Tuesday",
        "allowance": 320,
        "every": "three",
    },
}

TRAINING = {
    2025: {"office": 900, "field": 1100, "days": 4, "bond": 2000},
    2026: {"office": 1050, "field": 1400, "days": 6, "bond": 2500},
}

FAMILY = {
    2025: {"birth": 18, "partner": 4, "return_bonus": 400, "appointments": 3},
    2026: {"birth": 22, "partner": 6, "return_bonus": 650, "appointments": 5},
}

WARRANTY = {
    2024: {"machine": 18, "compressor": 36, "parts": 3, "register": 14},
    2025: {"machine": 24, "compressor": 48, "parts": 6, "register": 21},
    2026: {"machine": 30, "compressor": 60, "parts": 9, "register": 28},
}

# contract: (time to site, time to fix) in working hours
RESPONSE = {
    2025: {"Basic": (20, 56), "Plus": (10, 28), "Prime": (5, 14)},
    2026: {"Basic": (16, 48), "Plus": (8, 24), "Prime": (4, 12)},
}

MODELS = {
    "tamber-2": {"name": "Tamber 2", "kg": 38, "kw": "2.9", "fuse": 13, "width": 46},
    "tamber-4": {"name": "Tamber 4", "kg": 63, "kw": "5.4", "fuse": 32, "width": 74},
    "rill-30": {"name": "Rill 30", "kg": 24, "kw": "0.35", "fuse": 10, "width": 31},
    "rill-60": {"name": "Rill 60", "kg": 41, "kw": "0.62", "fuse": 10, "width": 39},
    "skerry-400": {"name": "Skerry 400", "kg": 47, "kw": "3.3", "fuse": 16, "width": 47},
    "skerry-500": {"name": "Skerry 500", "kg": 59, "kw": "6.2", "fuse": 20, "width": 58},
}

# joint: torque in newton metres
TORQUE = {
    "tamber-2": {"boiler lid screws": 6, "heating element nut": 22, "pump bracket bolts": 9},
    "tamber-4": {"boiler lid screws": 8, "heating element nut": 28, "pump bracket bolts": 11},
    "skerry-400": {"wash arm hub": 4, "heater flange nuts": 7, "door hinge bolts": 14},
    "skerry-500": {"wash arm hub": 5, "heater flange nuts": 10, "door hinge bolts": 18},
}

# number: (name, model, list price in euros, months of guarantee shelf life or None)
PARTS = {
    "TB-1043": ("boiler gasket", "tamber-2", 14),
    "TB-1088": ("boiler gasket", "tamber-4", 19),
    "TB-2210": ("heating element", "tamber-2", 87),
    "TB-2264": ("heating element", "tamber-4", 121),
    "TB-3305": ("rotary pump", "tamber-4", 205),
    "TB-3127": ("vibration pump", "tamber-2", 62),
    "RL-0511": ("carbon filter", "rill-30", 33),
    "RL-0526": ("carbon filter", "rill-60", 46),
    "RL-0718": ("dispense tap", "rill-30", 27),
    "RL-0940": ("fan motor", "rill-60", 74),
    "SK-4102": ("rinse pump", "skerry-400", 98),
    "SK-4175": ("rinse pump", "skerry-500", 136),
    "SK-4609": ("door seal", "skerry-400", 23),
    "SK-4633": ("door seal", "skerry-500", 29),
}

# Figures, one row per thing counted: meant to be loadable as database tables.

# part number: {year: pieces sold}
PART_SALES = {
    "TB-1043": {2024: 1312, 2025: 1468},
    "TB-1088": {2024: 874, 2025: 931},
    "TB-2210": {2024: 268, 2025: 241},
    "TB-2264": {2024: 193, 2025: 226},
    "TB-3305": {2024: 117, 2025: 142},
    "TB-3127": {2024: 359, 2025: 338},
    "RL-0511": {2024: 5240, 2025: 5715},
    "RL-0526": {2024: 3065, 2025: 3480},
    "RL-0718": {2024: 412, 2025: 397},
    "RL-0940": {2024: 88, 2025: 103},
    "SK-4102": {2024: 171, 2025: 184},
    "SK-4175": {2024: 96, 2025: 129},
    "SK-4609": {2024: 645, 2025: 702},
    "SK-4633": {2024: 487, 2025: 553},
}

# office: {model: machines under contract on 31 December 2025}
MACHINES = {
    "leeds": {
        "tamber-2": 412,
        "tamber-4": 186,
        "rill-30": 935,
        "rill-60": 348,
        "skerry-400": 271,
        "skerry-500": 158,
    },
    "lisbon": {
        "tamber-2": 537,
        "tamber-4": 244,
        "rill-30": 366,
        "rill-60": 121,
        "skerry-400": 305,
        "skerry-500": 92,
    },
    "gdansk": {
        "tamber-2": 198,
        "tamber-4": 73,
        "rill-30": 514,
        "rill-60": 267,
        "skerry-400": 149,
        "skerry-500": 64,
    },
    "cork": {
        "tamber-2": 165,
        "tamber-4": 58,
        "rill-30": 227,
        "rill-60": 84,
        "skerry-400": 133,
        "skerry-500": 47,
    },
    "ghent": {
        "tamber-2": 289,
        "tamber-4": 207,
        "rill-30": 418,
        "rill-60": 196,
        "skerry-400": 322,
        "skerry-500": 175,
    },
}

# office: {year: (office staff, technicians)} on 31 December
HEADCOUNT = {
    "leeds": {2024: (118, 46), 2025: (124, 51)},
    "lisbon": {2024: (37, 29), 2025: (41, 33)},
    "gdansk": {2024: (52, 18), 2025: (57, 22)},
    "cork": {2024: (14, 12), 2025: (16, 13)},
    "ghent": {2024: (63, 31), 2025: (68, 35)},
}

# office: {year: (call-outs attended, solved on the first visit)}
CALLS = {
    "leeds": {2024: (4870, 3702), 2025: (4615, 3831)},
    "lisbon": {2024: (3240, 2398), 2025: (3388, 2711)},
    "gdansk": {2024: (1965, 1513), 2025: (2104, 1705)},
    "cork": {2024: (1122, 853), 2025: (1087, 892)},
    "ghent": {2024: (3016, 2443), 2025: (2954, 2480)},
}
