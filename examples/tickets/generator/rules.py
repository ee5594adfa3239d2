"""What a ticket is: its fields, and what a customer may ask for with each category."""

CATEGORIES = [
    "late", "damaged", "defect", "wrong_item", "missing_part", "billing", "return", "question",
]  # fmt: skip
URGENCIES = ["high", "normal", "low"]
ACTIONS = [
    "refund", "replacement", "repair", "spare_part", "information", "cancellation", "none",
]  # fmt: skip

# What may be asked for; of a question it is always information, and a return always asks.
ASKED = {
    "late": ["information", "cancellation", "refund"],
    "damaged": ["replacement", "refund", "repair"],
    "defect": ["repair", "replacement", "refund"],
    "wrong_item": ["replacement", "refund"],
    "missing_part": ["spare_part", "refund", "replacement"],
    "billing": ["refund", "information"],
    "return": ["refund", "replacement"],
    "question": ["information"],
}
DANGEROUS = ["damaged", "defect"]  # only there a customer tells of smoke or of an injury

MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
]  # fmt: skip
