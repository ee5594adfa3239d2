"""Questions whose answers stand in no document: they are counted over rows of the database.

`table(domain, reference, sql, "question", ...)` makes one example per question, all in one group.
References are counted here in Python, apart from the SQL, which has to give the same.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable

from .ask import add, number
from .tables import TABLES, fill

P, S = "people", "service"
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_database = sqlite3.connect(":memory:")
fill(_database)
_cursors = {name: _database.execute(f"SELECT * FROM {name}").description for name in TABLES}
ROWS = {
    name: [dict(zip((d[0] for d in _cursors[name]), row, strict=True)) for row in rows]
    for name, rows in TABLES.items()
}


def table(domain: str, reference: str | int, sql: str, *questions: str) -> None:
    """Questions that the query answers."""
    sql = " ".join(sql.split())
    forms = number(reference) if isinstance(reference, int) else reference
    found = [
        f"{value:g}" if isinstance(value, float) else str(value)
        for row in _database.execute(sql)
        for value in row
    ]
    if len(found) != 1 or found[0] not in forms.split("|"):
        raise ValueError(f"{sql} gives {found}, not {forms!r}")
    names = [name for name in TABLES if re.search(rf"\b(?:FROM|JOIN) {name}\b", sql)]
    evidence = [{"document": "database:handbook", "tables": names, "text": sql}]
    slug = re.sub(r"[^a-z0-9]+", "-", questions[0].lower()).strip("-")[:60].strip("-")
    lines = tuple(f"d: {question}" for question in questions)
    add(f"table.{slug}", domain, forms, evidence, lines)


def of(name: str, **where: object) -> list[dict]:
    """The rows of a table with these values; `year` is taken from a date where there is one."""

    def value(row: dict, field: str) -> object:
        dates = row.get("day") or row.get("start")
        return int(dates[:4]) if field == "year" and dates else row[field]

    return [row for row in ROWS[name] if all(value(row, f) == v for f, v in where.items())]


def total(rows: Iterable[dict], field: str) -> int:
    return sum(row[field] for row in rows)


def mean(rows: list[dict], field: str, places: int) -> str:
    """An average, halves up; without decimals where it is whole."""
    scale = 10**places
    rounded = (2 * scale * total(rows, field) + len(rows)) // (2 * len(rows))
    if rounded % scale == 0:
        return "|".join(dict.fromkeys([str(rounded // scale), f"{rounded / scale:.{places}f}"]))
    return f"{rounded / scale:.{places}f}"


def percent(part: int, whole: int) -> str:
    share = (200 * part + whole) // (2 * whole)
    return f"{share} percent|{share}%|{share}"


def first(sums: Counter, least: bool = False) -> str:
    """The one with the most, or the least. Raises where two have the same."""
    ranked = sorted(sums.items(), key=lambda item: item[1], reverse=not least)
    if ranked[0][1] == ranked[1][1]:
        raise ValueError(f"a tie: {ranked[:2]}")
    return str(ranked[0][0])


def sums(rows: Iterable[dict], by: str, field: str | None = None) -> Counter:
    counted: Counter = Counter()
    for row in rows:
        counted[row[by]] += row[field] if field else 1
    return counted


def money(amount: int) -> str:
    return "|".join(f"{form} euros|{form}" for form in number(amount).split("|"))


# --- machines on trial ----------------------------------------------------------------------------

for office, year, questions in (
    ("Lisbon", 2025, ("How many machines did Lisbon lend out on trial in 2025?",
                      "Trial machines handed out by the Lisbon branch in 2025, all models together?")),
    ("Gdansk", 2024, ("How many trial machines left Gdansk in 2024 altogether?",)),
    ("Ghent", 2025, ("What's the total of machines that Ghent put out on trial over 2025?",)),
):  # fmt: skip
    table(
        S,
        total(of("trials", office=office, year=year), "lent"),
        f"SELECT SUM(lent) FROM trials WHERE office = '{office}' AND year = {year}",
        *questions,
    )

for model, year, questions in (
    ("Tamber 2", 2024, ("How many Tamber 2 were lent on trial in 2024, over all branches?",)),
    ("Skerry 500", 2025, ("Across the whole company, how many Skerry 500 went out on trial in 2025?",
                          "Count the Skerry 500 lent to try in 2025, all offices.")),
    ("Rill 60", 2025, ("How many customers' trials of a Rill 60 started in 2025 in all offices?",)),
):  # fmt: skip
    table(
        S,
        total(of("trials", model=model, year=year), "lent"),
        f"SELECT SUM(lent) FROM trials WHERE model = '{model}' AND year = {year}",
        *questions,
    )

for model, year, questions in (
    ("Skerry 400", 2024, ("Which office lent out the most Skerry 400 on trial in 2024?",)),
    ("Tamber 4", 2025, ("Which branch had the most Tamber 4 on trial during 2025?",
                        "Where did the greatest number of Tamber 4 trials take place in 2025?")),
):  # fmt: skip
    table(
        S,
        first(sums(of("trials", model=model, year=year), "office", "lent")),
        f"SELECT office FROM trials WHERE model = '{model}' AND year = {year}"
        " GROUP BY office ORDER BY SUM(lent) DESC LIMIT 1",
        *questions,
    )

for office, year, order, questions in (
    ("Cork", 2024, "DESC", ("Which model did Cork lend on trial most often in 2024?",)),
    ("Ghent", 2025, "ASC", ("Of which model did Ghent lend the fewest on trial in 2025?",
                            "Least popular trial machine in Ghent in 2025?")),
):  # fmt: skip
    table(
        S,
        first(sums(of("trials", office=office, year=year), "model", "lent"), order == "ASC"),
        f"SELECT model FROM trials WHERE office = '{office}' AND year = {year}"
        f" GROUP BY model ORDER BY SUM(lent) {order} LIMIT 1",
        *questions,
    )

for year, questions in (
    (2024, ("In which month of 2024 were the most machines lent on trial?",)),
    (2025, ("What was the busiest month of 2025 for trial machines?",
            "Trials peaked in which month of 2025, all branches taken together?")),
):  # fmt: skip
    month = first(sums(of("trials", year=year), "month", "lent"))
    table(
        S,
        f"{MONTHS[int(month) - 1]}|{month}",
        f"SELECT month FROM trials WHERE year = {year}"
        " GROUP BY month ORDER BY SUM(lent) DESC LIMIT 1",
        *questions,
    )

for office, questions in (
    ("Leeds", ("How many more machines did Leeds lend on trial in 2025 than in 2024?",
               "By how much did the number of trial machines in Leeds grow from 2024 to 2025?")),
    ("Cork", ("What is the difference between Cork's trial machines in 2025 and in 2024?",)),
):  # fmt: skip
    years = [total(of("trials", office=office, year=year), "lent") for year in (2024, 2025)]
    table(
        S,
        years[1] - years[0],
        "SELECT SUM(CASE WHEN year = 2025 THEN lent ELSE -lent END) FROM trials"
        f" WHERE office = '{office}' AND year IN (2024, 2025)",
        *questions,
    )

for family, office, year, questions in (
    ("coffee machine", "Ghent", 2024, ("How many coffee machines did Ghent lend on trial in 2024?",)),
    ("water dispenser", "Gdansk", 2025, ("How many water dispensers were on trial from Gdansk in 2025,"
                                         " both Rills together?",)),
    ("glasswasher", "Lisbon", 2025, ("Lisbon, 2025: how many glasswashers went out on trial?",
                                     "How many Skerrys of either size did Lisbon lend in 2025?")),
):  # fmt: skip
    models = {row["model"] for row in of("machines", family=family)}
    rows = [row for row in of("trials", office=office, year=year) if row["model"] in models]
    table(
        S,
        total(rows, "lent"),
        "SELECT SUM(lent) FROM trials JOIN machines USING (model)"
        f" WHERE family = '{family}' AND office = '{office}' AND year = {year}",
        *questions,
    )

for office, year, questions in (
    ("Leeds", 2025, ("What percentage of the trial machines of Leeds in 2025 did customers keep?",)),
    ("Ghent", 2024, ("How many percent of Ghent's trial machines were kept in 2024, rounded?",
                     "Of all machines that Ghent lent in 2024, what share was kept, in percent?")),
):  # fmt: skip
    rows = of("trials", office=office, year=year)
    table(
        S,
        percent(total(rows, "kept"), total(rows, "lent")),
        "SELECT CAST(ROUND(100.0 * SUM(kept) / SUM(lent)) AS INTEGER) FROM trials"
        f" WHERE office = '{office}' AND year = {year}",
        *questions,
    )

for model, year, questions in (
    ("Rill 30", 2024, ("How many Rill 30 did customers keep after a trial in 2024?",)),
    ("Tamber 2", 2025, ("How many of the Tamber 2 lent in 2025 stayed with the customer?",)),
):  # fmt: skip
    table(
        S,
        total(of("trials", model=model, year=year), "kept"),
        f"SELECT SUM(kept) FROM trials WHERE model = '{model}' AND year = {year}",
        *questions,
    )

for office, year, questions in (
    ("Cork", 2025, ("How many kilos did all machines that Cork lent on trial in 2025 weigh together?",)),
    ("Gdansk", 2024, ("What was the combined weight in kilograms of Gdansk's trial machines in 2024?",)),
):  # fmt: skip
    weights = {row["model"]: row["weight_kg"] for row in ROWS["machines"]}
    kilos = sum(r["lent"] * weights[r["model"]] for r in of("trials", office=office, year=year))
    table(
        S,
        "|".join(f"{form} kg|{form}" for form in number(kilos).split("|")),
        "SELECT SUM(lent * weight_kg) FROM trials JOIN machines USING (model)"
        f" WHERE office = '{office}' AND year = {year}",
        *questions,
    )

# --- planned services -----------------------------------------------------------------------------

for office, contract, year, questions in (
    ("Leeds", "Plus", 2025, ("How many planned services did Leeds carry out for Plus customers in 2025?",
                             "Planned services in Leeds under a Plus contract, 2025?")),
    ("Lisbon", "Basic", 2024, ("How many planned services for Basic contracts were done by Lisbon"
                               " in 2024?",)),
):  # fmt: skip
    table(
        S,
        len(of("services", office=office, contract=contract, year=year)),
        f"SELECT COUNT(*) FROM services WHERE office = '{office}' AND contract = '{contract}'"
        f" AND day LIKE '{year}-%'",
        *questions,
    )

for model, questions in (
    ("Tamber 4", ("How long does a planned service of a Tamber 4 take on average, in whole minutes?",)),
    ("Rill 30", ("What is the average duration of planned services of the Rill 30, to the minute?",
                 "On average, how many minutes are technicians busy with a planned Rill 30 service?")),
):  # fmt: skip
    minutes = mean(of("services", model=model), "minutes", 0)
    table(
        S,
        "|".join(f"{form} minutes|{form}" for form in minutes.split("|")),
        f"SELECT ROUND(AVG(minutes)) FROM services WHERE model = '{model}'",
        *questions,
    )

for model, which, questions in (
    ("Rill 60", "MAX", ("How many minutes did the longest planned service of a Rill 60 take?",)),
    ("Skerry 400", "MIN", ("What was the shortest planned service of a Skerry 400, in minutes?",
                           "Record for the quickest planned service of a Skerry 400, in minutes?")),
):  # fmt: skip
    minutes = (max if which == "MAX" else min)(r["minutes"] for r in of("services", model=model))
    table(
        S,
        f"{minutes} minutes|{minutes}",
        f"SELECT {which}(minutes) FROM services WHERE model = '{model}'",
        *questions,
    )

for office, year, questions in (
    ("Ghent", 2025, ("What did the parts used in Ghent's planned services of 2025 cost in all?",
                     "Total value in euros of parts fitted during planned services in Ghent in 2025?")),
    ("Cork", 2024, ("How many euros of parts went into Cork's planned services in 2024?",)),
):  # fmt: skip
    table(
        S,
        money(total(of("services", office=office, year=year), "parts_eur")),
        f"SELECT SUM(parts_eur) FROM services WHERE office = '{office}' AND day LIKE '{year}-%'",
        *questions,
    )

for contract, questions in (
    ("Prime", ("How many planned services of machines with a Prime contract needed no parts?",)),
    ("Basic", ("For how many of the planned services under Basic was no part used at all?",)),
):  # fmt: skip
    table(
        S,
        len(of("services", contract=contract, parts_eur=0)),
        f"SELECT COUNT(*) FROM services WHERE contract = '{contract}' AND parts_eur = 0",
        *questions,
    )

for year, order, questions in (
    (2024, "ASC", ("Which office did the fewest planned services in 2024?",)),
    (2025, "DESC", ("Who carried out the most planned services in 2025, by office?",
                    "Top branch for planned services in 2025?")),
):  # fmt: skip
    table(
        S,
        first(sums(of("services", year=year), "office"), order == "ASC"),
        f"SELECT office FROM services WHERE day LIKE '{year}-%'"
        f" GROUP BY office ORDER BY COUNT(*) {order} LIMIT 1",
        *questions,
    )

for office, model, which, questions in (
    ("Ghent", "Skerry 500", "MAX", ("On what day was the last planned service of a Skerry 500 in"
                                    " Ghent?",)),
    ("Leeds", "Tamber 4", "MIN", ("When did Leeds do its first planned service of a Tamber 4 on"
                                  " record?",)),
):  # fmt: skip
    day = (max if which == "MAX" else min)(
        row["day"] for row in of("services", office=office, model=model)
    )
    spoken = f"{int(day[8:])} {MONTHS[int(day[5:7]) - 1]} {day[:4]}"
    table(
        S,
        f"{spoken}|{day}",
        f"SELECT {which}(day) FROM services WHERE office = '{office}' AND model = '{model}'",
        *questions,
    )

for office, least, questions in (
    ("Leeds", 90, ("How many planned services in Leeds took more than 90 minutes?",)),
    ("Lisbon", 75, ("How often did a planned service in Lisbon last longer than 75 minutes?",
                    "Lisbon: number of planned services above 75 minutes?")),
):  # fmt: skip
    table(
        S,
        sum(row["minutes"] > least for row in of("services", office=office)),
        f"SELECT COUNT(*) FROM services WHERE office = '{office}' AND minutes > {least}",
        *questions,
    )

# --- business trips -------------------------------------------------------------------------------

for office, year, questions in (
    ("Leeds", 2025, ("How many business trips did people from Leeds make in 2025?",
                     "Number of business trips out of the Leeds office in 2025?")),
    ("Cork", 2024, ("How many times did colleagues from Cork travel on business in 2024?",)),
    ("Gdansk", 2025, ("How many business trips started from Gdansk in 2025?",)),
):  # fmt: skip
    table(
        P,
        len(of("trips", office=office, year=year)),
        f"SELECT COUNT(*) FROM trips WHERE office = '{office}' AND start LIKE '{year}-%'",
        *questions,
    )

for country, year, questions in (
    ("Germany", 2025, ("How many nights did we spend in Germany on business trips in 2025?",)),
    ("Portugal", 2024, ("How many hotel nights in Portugal came together on business trips in 2024?",
                        "Nights away in Portugal during 2024, all travellers added up?")),
):  # fmt: skip
    table(
        P,
        "|".join(
            f"{form} nights|{form}"
            for form in number(total(of("trips", country=country, year=year), "nights")).split("|")
        ),
        f"SELECT SUM(nights) FROM trips WHERE country = '{country}' AND start LIKE '{year}-%'",
        *questions,
    )

for purpose, year, questions in (
    ("trade fair", 2025, ("What did all trips to trade fairs cost in 2025?",
                          "How much money went into travelling to trade fairs in 2025, in euros?")),
    ("training", 2024, ("How much was spent on business trips for training in 2024?",)),
    ("internal meeting", 2025, ("What was the bill for journeys to internal meetings in 2025?",)),
):  # fmt: skip
    table(
        P,
        money(total(of("trips", purpose=purpose, year=year), "cost_eur")),
        f"SELECT SUM(cost_eur) FROM trips WHERE purpose = '{purpose}' AND start LIKE '{year}-%'",
        *questions,
    )

for office, questions in (
    ("Ghent", ("To which country do people from Ghent travel most often on business?",)),
    ("Leeds", ("What is the most frequent country of business trips from Leeds?",
               "Leeds staff on business trips: which country do they see most?")),
):  # fmt: skip
    table(
        P,
        first(sums(of("trips", office=office), "country")),
        f"SELECT country FROM trips WHERE office = '{office}'"
        " GROUP BY country ORDER BY COUNT(*) DESC LIMIT 1",
        *questions,
    )

for purpose, questions in (
    ("customer visit", ("How many nights does a trip to a customer last on average, to one decimal?",)),
    ("trade fair", ("What is the average number of nights of a trip to a trade fair, to one decimal?",)),
):  # fmt: skip
    nights = mean(of("trips", purpose=purpose), "nights", 1)
    table(
        P,
        "|".join(f"{form} nights|{form}" for form in nights.split("|")),
        f"SELECT ROUND(AVG(nights), 1) FROM trips WHERE purpose = '{purpose}'",
        *questions,
    )

for office, which, questions in (
    ("Lisbon", "MAX", ("What did the most expensive business trip from Lisbon cost?",
                       "How dear was the costliest single trip of anyone in Lisbon?")),
    ("Cork", "MIN", ("What was the price of the cheapest business trip from Cork?",)),
):  # fmt: skip
    table(
        P,
        money((max if which == "MAX" else min)(r["cost_eur"] for r in of("trips", office=office))),
        f"SELECT {which}(cost_eur) FROM trips WHERE office = '{office}'",
        *questions,
    )

for office, year, questions in (
    ("Lisbon", 2025, ("How many of Lisbon's business trips in 2025 were without a night away?",
                      "Day trips on business from Lisbon in 2025, so with no night: how many?")),
    ("Ghent", 2024, ("How many business trips did Ghent make in 2024 that took no overnight stay?",)),
):  # fmt: skip
    table(
        P,
        len(of("trips", office=office, year=year, nights=0)),
        f"SELECT COUNT(*) FROM trips WHERE office = '{office}' AND start LIKE '{year}-%'"
        " AND nights = 0",
        *questions,
    )

for year, order, questions in (
    (2024, "DESC", ("Which office spent the most on business trips in 2024?",)),
    (2025, "ASC", ("Which office had the lowest travel costs in 2025, business trips added up?",
                   "Whose business trips cost least in 2025, office by office?")),
):  # fmt: skip
    table(
        P,
        first(sums(of("trips", year=year), "office", "cost_eur"), order == "ASC"),
        f"SELECT office FROM trips WHERE start LIKE '{year}-%'"
        f" GROUP BY office ORDER BY SUM(cost_eur) {order} LIMIT 1",
        *questions,
    )

for country, questions in (
    ("Poland", ("If each night in Poland on a 2025 trip had cost the hotel limit of that year, what"
                " would all of them have come to?",)),
    ("Ireland", ("All nights spent in Ireland in 2025, each at that year's hotel limit: how many"
                 " euros is that?",)),
):  # fmt: skip
    limit = of("allowances", country=country, year=2025)[0]["hotel_limit_eur"]
    table(
        P,
        money(limit * total(of("trips", country=country, year=2025), "nights")),
        "SELECT SUM(nights * hotel_limit_eur) FROM trips JOIN allowances USING (country)"
        f" WHERE country = '{country}' AND year = 2025 AND start LIKE '2025-%'",
        *questions,
    )

for low, high, question in (
    ("01-01", "03-31", "How many business trips began in the first quarter of 2025?"),
    ("10-01", "12-31", "How many business trips set out between October and December 2025?"),
):
    table(
        P,
        sum(low <= row["start"][5:] <= high for row in of("trips", year=2025)),
        f"SELECT COUNT(*) FROM trips WHERE start BETWEEN '2025-{low}' AND '2025-{high}'",
        question,
    )

for office, year, questions in (
    ("Cork", 2025, ("How many different countries did people from Cork visit on business in 2025?",)),
    ("Gdansk", 2024, ("In how many countries was somebody from Gdansk on business in 2024?",)),
):  # fmt: skip
    table(
        P,
        len(sums(of("trips", office=office, year=year), "country")),
        f"SELECT COUNT(DISTINCT country) FROM trips WHERE office = '{office}'"
        f" AND start LIKE '{year}-%'",
        *questions,
    )

for one, other, year, questions in (
    ("Cork", "Gdansk", 2025, ("Who made more business trips in 2025, Cork or Gdansk?",)),
    ("Lisbon", "Ghent", 2024, ("Lisbon or Ghent: from where did more business trips start in 2024?",
                               "Did people from Lisbon or from Ghent travel more often in 2024?")),
):  # fmt: skip
    rows = [row for row in of("trips", year=year) if row["office"] in (one, other)]
    table(
        P,
        first(sums(rows, "office")),
        f"SELECT office FROM trips WHERE office IN ('{one}', '{other}') AND start LIKE '{year}-%'"
        " GROUP BY office ORDER BY COUNT(*) DESC LIMIT 1",
        *questions,
    )

for purpose, year, questions in (
    ("customer visit", 2025, ("What percentage of the business trips of 2025 went to customers?",
                              "Customer visits as a share of all trips in 2025, in whole percent?")),
    ("training", 2024, ("How many percent of all business trips in 2024 were for training?",)),
):  # fmt: skip
    table(
        P,
        percent(len(of("trips", purpose=purpose, year=year)), len(of("trips", year=year))),
        f"SELECT CAST(ROUND(100.0 * SUM(purpose = '{purpose}') / COUNT(*)) AS INTEGER)"
        f" FROM trips WHERE start LIKE '{year}-%'",
        *questions,
    )

for country, questions in (
    ("Belgium", ("What does a business trip to Belgium cost on average, in whole euros?",
                 "Average cost of our trips to Belgium, rounded to euros?")),
    ("United Kingdom", ("How many euros does the average trip to the United Kingdom cost, rounded?",)),
):  # fmt: skip
    table(
        P,
        money(int(mean(of("trips", country=country), "cost_eur", 0).split("|")[0])),
        f"SELECT ROUND(AVG(cost_eur)) FROM trips WHERE country = '{country}'",
        *questions,
    )

for office, least, questions in (
    ("Leeds", 5, ("How many business trips from Leeds lasted at least five nights?",)),
    ("Ghent", 4, ("How often did somebody from Ghent stay away for four nights or more?",
                  "Trips of four or more nights from Ghent: how many are there?")),
):  # fmt: skip
    table(
        P,
        sum(row["nights"] >= least for row in of("trips", office=office)),
        f"SELECT COUNT(*) FROM trips WHERE office = '{office}' AND nights >= {least}",
        *questions,
    )
