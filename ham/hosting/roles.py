"""What can be done, and what each role may do of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from ham.config import ConfigError

Role = str  # one of ROLES
NOBODY, VIEWER, TRAINER, OWNER = "none", "viewer", "trainer", "owner"


class Act(enum.Enum):
    """What changes what others see; its value says it in words."""

    TRAIN = "Training"
    NOTE = "Changing names, tags and notes"
    KEEP = "Keeping an external test"
    DELETE = "Deleting"
    IMPORT = "Importing a run"
    DATA = "Using other data"
    FILES = "Naming files of the server"
    SETTINGS = "Setting the engine"


#: What each role may do, and its words.
ROLES: dict[Role, tuple[frozenset[Act], str]] = {
    NOBODY: (frozenset(), "may not look either"),
    VIEWER: (frozenset(), "looks at everything and asks the models about images"),
    TRAINER: (
        frozenset({Act.TRAIN, Act.NOTE, Act.KEEP}),
        "trains, names runs and keeps external tests as well",
    ),
    OWNER: (frozenset(Act), "deletes, imports, chooses the data and sets the engine as well"),
}


@dataclass(frozen=True)
class Roles:
    """Who has which role, by e-mail address. Raises ConfigError on a role that there is not."""

    by_email: Mapping[str, Role] = field(default_factory=dict)  # "*@clinic.org" is all of a domain
    default: Role = VIEWER  # of whoever is logged in and not named

    def __post_init__(self) -> None:
        named = {"default_role": self.default, **self.by_email}
        for name, role in named.items():
            if role not in ROLES:
                raise ConfigError(
                    f"The role {role!r} of {name}",
                    f"there are only {', '.join(ROLES)}.",
                    "Correct it in secrets.toml, [ham.roles], or in HAM_ROLES; until then nobody "
                    "has a role.",
                )
        folded = {name.strip().casefold(): role for name, role in self.by_email.items()}
        object.__setattr__(self, "by_email", folded)

    def of(self, email: str) -> Role:
        """An address counts before its domain, and that before the default; "" has the default."""
        email = email.strip().casefold()
        domain = f"*@{email.rpartition('@')[2]}"
        return self.by_email.get(email, self.by_email.get(domain, self.default))

    @classmethod
    def read(cls, section: Mapping[str, object], environment: Mapping[str, str]) -> Roles:
        """From the section [ham] of secrets.toml; HAM_ROLES ("a@b.org=owner, *@b.org=trainer") and
        HAM_DEFAULT_ROLE count before it. Raises ConfigError.
        """
        found = section.get("roles", {})
        if not isinstance(found, Mapping):
            raise ConfigError(
                "[ham] roles in secrets.toml",
                "it is no table.",
                'Write [ham.roles], and below it a line such as "a@b.org" = "owner".',
            )
        by_email = {str(name): str(role) for name, role in found.items()}
        for entry in filter(None, map(str.strip, environment.get("HAM_ROLES", "").split(","))):
            email, equals, role = entry.partition("=")
            if not equals:
                raise ConfigError(
                    f"{entry!r} in HAM_ROLES",
                    "it gives no role.",
                    "Write it as a@b.org=owner, with commas between.",
                )
            by_email[email.strip()] = role.strip()
        default = environment.get("HAM_DEFAULT_ROLE") or section.get("default_role", VIEWER)
        return cls(by_email, str(default))
