"""Who uses the platform: invented people, with every personal value that an event can carry."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

ENTERPRISE_BRINEWORKS = "6b1f6d0e-94c7-4d1c-a2ce-0b2b5f6c7a31"
ENTERPRISE_ORCHARDLINE = "d3a87c52-1e0f-4b6a-8f55-72c90e4d18b6"

FIRST_NAMES = (
    "Tindra", "Oluwaseun", "Marisol", "Bartek", "Yevhenia", "Caspian", "Ngozi", "Leocadia", "Hamish",
    "Suresh", "Åse", "Valtteri", "Zuzanna", "Kwabena", "Ottoline", "Ruairidh", "Mireille", "Takumi",
    "Xiomara", "Ignatius", "Brónagh", "Emeka", "Solveig", "Anselm", "Parisa", "Quentin", "Dagny",
    "Rashid", "Fenella", "Jarmila", "Thibault", "Wilhelmina",
)  # fmt: skip
LAST_NAMES = (
    "Vasterling", "Adebisi-Holt", "Quintanar", "Wrzesniak", "Kovalchuk", "Thornquist", "Ezenwaka",
    "Brandvold", "MacGillivry", "Ranganath", "Kjærgård", "Peltokangas", "Grzybek", "Osei-Mensah",
    "Fairweathe", "Dunfermly", "Charbonnet", "Hanazawa", "Villalobar", "Petrosyan", "Ollerenshaw",
    "Uzochukwu", "Tveitstad", "Lindqvast", "Farrokhzad", "Dubrovnik-Hale", "Aasgaarden", "Siddiquee",
    "Cholmondley", "Novotnakova", "Beauregarde",
)  # fmt: skip
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 Version/18.2 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/139.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
)
LANGUAGES = ("en-GB,en;q=0.8", "sv-SE,sv;q=0.9,en;q=0.6", "es-MX,es;q=0.9", "pl,en-US;q=0.7,en;q=0.3")
PHONES = (("Harrow", "P9", "android", "Android", "15"), ("Lumen", "Mini 4", "iphone", "iOS", "18.1"))
ASCII = str.maketrans("Ååæøéó", "Aaaoeo")


@dataclass(frozen=True, slots=True)
class Person:
    """Describes somebody in front of a screen; `user_id` is None for visitors who are not signed in."""

    user_id: int | None
    username: str
    name: str
    email: str
    external_id: str
    ip: str
    agent: str
    language: str
    sessions: tuple[str, ...]
    client_id: str | None
    enterprise: str | None  # None: the key is absent from the context
    phone: tuple[str, str, str, str, str] | None  # maker, model, type, system, version
    device_id: str

    @property
    def phone_agent(self) -> str:
        _, model, _, system, version = self.phone or PHONES[0]
        return f"org.example.learn/5.1.0 ({system} {version}; {model}; build {self.device_id[:6]})"


def _address(index: int) -> str:
    """Returns an address of the documentation ranges (RFC 5737, then RFC 3849), another for each index."""
    if index < 600 and index % 9 != 4:
        return f"{('203.0.113', '198.51.100', '192.0.2')[index % 3]}.{index // 3 + 20}"
    return f"2001:db8:{index >> 16:x}:{index & 0xFFFF:x}::7e4"


def _person(seed: int, index: int) -> Person:
    rng = random.Random(f"{seed}/person/{index}")
    first, last = FIRST_NAMES[index % 32], LAST_NAMES[index % 31]
    plain = f"{first}.{last}".translate(ASCII).lower()
    short = f"{plain[:3]}{plain.partition('.')[2]}"
    number = "" if index < 992 else str(index)
    return Person(
        user_id=300_000_000 + (index * 7_654_321 + rng.randrange(1_000)) % 600_000_000,
        username=(plain.replace(".", "_"), short, f"{plain}{10 + index % 80}")[index % 3] + number,
        name=f"{first} {last}",
        email=f"{plain}{number}@post.example.net",
        external_id=new_uuid(rng),
        ip=_address(index),
        agent=rng.choice(AGENTS),
        language=rng.choice(LANGUAGES),
        sessions=(f"{rng.getrandbits(128):032x}", f"{rng.getrandbits(128):032x}"),
        client_id=f"{rng.getrandbits(33)}.17883{rng.randrange(10**5)}" if index % 4 == 0 else None,
        enterprise=(ENTERPRISE_BRINEWORKS, ENTERPRISE_ORCHARDLINE, "", None, "", None)[index % 6],
        phone=PHONES[index % 2] if index % 3 == 1 else None,
        device_id=f"{rng.getrandbits(64):016x}",
    )


@lru_cache(maxsize=1)
def people(seed: int, learners: int) -> tuple[list[Person], list[Person], list[Person]]:
    """Lists learners, staff and visitors who are not signed in."""
    everybody = [_person(seed, index) for index in range(learners + 4)]
    staff = [replace(person, enterprise=None) for person in everybody[learners : learners + 2]]
    nobody: dict[str, Any] = {
        "user_id": None,
        "username": "",
        "name": "",
        "email": "",
        "enterprise": None,
        "phone": None,
    }
    return everybody[:learners], staff, [replace(person, **nobody) for person in everybody[learners + 2 :]]


def new_uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


CONFIDENCES = (  # free text of learners: forum bodies, essays, notes
    "My grandmother in Quillhaven read the weather from the smell of wet kelp.",
    "I failed this twice before, because my night shifts at the cannery never end.",
    "Please do not tell my employer that I ask such a simple question.",
    "Since the operation my left eye tires, so I print every slide at Harrowgate library.",
    "The landlord of Copperlane 9 turned off the heating while I wrote this answer.",
    "My twin brother Thessaly and I share one laptop and argue about every loop.",
    "I keep three hives behind the chapel although the council has forbidden it.",
    "Nobody at our kitchen table believes that I will ever finish a course.",
)
