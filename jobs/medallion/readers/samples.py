"""The retail data of the workshop: made up, the same for a seed on every Python, and untidy.

It has what cleaning is for: repeated keys of which the later one counts, mixed case, blanks
around values, bad mails, inactive customers, returned goods, prices and dates that are none, and
sales of customers and products that do not exist.
"""

from __future__ import annotations

import csv
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

# When the data was "sent": it dates the objects in archive/ and raw/.
DATA_DATE = "2025-01-01"

COLUMNS: dict[str, tuple[str, ...]] = {
    "customers": (
        "customer_id",
        "first_name",
        "last_name",
        "email",
        "country",
        "status",
        "signup_date",
        "updated_at",
    ),
    "products": ("product_id", "name", "category", "price", "cost", "updated_at"),
    "sales": (
        "sale_id",
        "customer_id",
        "product_id",
        "quantity",
        "unit_price",
        "channel",
        "sold_at",
        "updated_at",
    ),
}

# Sales refer to these ids: they exist in 1,000 customers and 200 products, repeats or not.
_SOLD_TO = 900
_SOLD = 180
_FIRST_ORPHAN = 900_001
# A repeat is one of the last so many rows, so that any number of rows can be made in little memory.
_REMEMBERED = 50

_FIRST_NAMES = ("Ada", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Grace", "Hana", "Igor")
_LAST_NAMES = ("Almeida", "Brown", "Costa", "Dupont", "Eriksen", "Fischer", "García", "Hughes")
_COUNTRIES = ("DE", "FR", "GB", "IT", "NL", "PT", "US")
_CATEGORIES = ("Books", "Clothing", "Electronics", "Garden", "Home", "Toys")
_ADJECTIVES = ("Small", "Red", "Folding", "Wooden", "Silent", "Classic", "Light", "Sturdy")
_NOUNS = ("Lamp", "Jacket", "Atlas", "Rake", "Speaker", "Puzzle", "Kettle", "Backpack")
_CHANNELS = ("store", "web", "app")


class _Dice:
    """Chance that falls alike on every version of Python.

    Only `random()` is promised to keep its sequence; `choice`, `randrange` and `shuffle` are not.
    """

    def __init__(self, seed: int, table: str) -> None:
        # A number, because how texts become seeds may change; each table has a sequence of its own.
        offset = list(COLUMNS).index(table)
        self._random = random.Random(seed * len(COLUMNS) + offset)  # noqa: S311 - made-up data

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def below(self, limit: int) -> int:
        return int(self._random.random() * limit)

    def pick(self, values: Sequence[str]) -> str:
        return values[self.below(len(values))]

    def untidy(self, text: str) -> str:
        """Return the text as people type it: now and then in another case, or with blanks."""
        roll = self._random.random()
        if roll < 0.08:
            text = text.upper()
        elif roll < 0.16:
            text = text.lower()
        elif roll < 0.20:
            text = text.swapcase()
        if self.chance(0.06):
            text = f" {text}"
        if self.chance(0.06):
            text = f"{text}  "
        return text

    def moment(self, first: datetime, days: int) -> datetime:
        return first + timedelta(seconds=self.below(days * 86_400))


def write_csv(path: Path, table: str, rows: int, seed: int) -> None:
    """Write one table of the retail data as a CSV file with a header.

    Parameters
    ----------
    table
        `customers`, `products` or `sales`.
    rows
        Data rows of the file, repeats included.
    seed
        The same seed gives the same bytes.
    """
    make = {"customers": _customer, "products": _product, "sales": _sale}[table]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS[table])
        writer.writerows(_rows(make, rows, _Dice(seed, table), _REPEATED[table]))


_REPEATED = {"customers": 0.04, "products": 0.03, "sales": 0.02}


def _rows(
    make: Callable[[_Dice, int], list[str]], count: int, dice: _Dice, repeated: float
) -> Iterator[list[str]]:
    """Yield rows with new keys and, in between, later states of rows that were there before."""
    recent: deque[tuple[int, str]] = deque(maxlen=_REMEMBERED)
    key = 0
    for _ in range(count):
        if recent and dice.chance(repeated):
            position = dice.below(len(recent))
            again, changed_at = recent[position]
            row = make(dice, again)
            later = datetime.fromisoformat(changed_at) + timedelta(hours=1 + dice.below(200))
            row[-1] = str(later)
            recent[position] = (again, row[-1])
        else:
            key += 1
            row = make(dice, key)
            recent.append((key, row[-1]))
        yield row


def _customer(dice: _Dice, key: int) -> list[str]:
    first, last = dice.pick(_FIRST_NAMES), dice.pick(_LAST_NAMES)
    email = f"{first}.{last}{key}@example.com".lower().replace("í", "i")
    if dice.chance(0.03):
        broken = (email.replace("@", "."), email.split("@", 1)[0] + "@", "", "n/a")
        email = dice.pick(broken)
    signup = str(date(2021, 1, 1) + timedelta(days=dice.below(1_400)))
    if dice.chance(0.005):
        signup = dice.pick(("2023-02-30", "yesterday"))
    return [
        str(key),
        dice.untidy(first),
        dice.untidy(last),
        dice.untidy(email),
        dice.untidy(dice.pick(_COUNTRIES)),
        dice.untidy("inactive" if dice.chance(0.1) else "active"),
        signup,
        str(dice.moment(datetime(2024, 1, 1), 300)),
    ]


def _product(dice: _Dice, key: int) -> list[str]:
    cents = 200 + dice.below(30_000)
    price = _money(cents)
    if dice.chance(0.01):
        price = dice.pick(("12,50 EUR", "free"))
    elif dice.chance(0.01):
        price = "0.00"
    name = f"{dice.pick(_ADJECTIVES)} {dice.pick(_NOUNS)}, no. {key}"
    return [
        str(key),
        f" {name}" if dice.chance(0.05) else name,
        dice.untidy(dice.pick(_CATEGORIES)),
        price,
        _money(cents * (40 + dice.below(40)) // 100),
        str(dice.moment(datetime(2024, 1, 1), 300)),
    ]


def _sale(dice: _Dice, key: int) -> list[str]:
    orphan = dice.chance(0.01)
    customer = _FIRST_ORPHAN + dice.below(100) if orphan else 1 + dice.below(_SOLD_TO)
    quantity = str(1 + dice.below(5))
    sold_at = dice.moment(datetime(2024, 1, 1), 366)
    sold = str(sold_at)
    if dice.chance(0.01):
        quantity = "-1"
    elif dice.chance(0.0025):
        quantity = "two"
    elif dice.chance(0.0025):
        sold = "2024-13-01 10:00:00"
    return [
        str(key),
        str(customer),
        str(1 + dice.below(_SOLD)),
        quantity,
        _money(200 + dice.below(30_000)),
        "" if dice.chance(0.01) else dice.untidy(dice.pick(_CHANNELS)),
        sold,
        str(sold_at + timedelta(minutes=5)),
    ]


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
