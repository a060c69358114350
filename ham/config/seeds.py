"""Seeds as a user writes them: for several runs at once."""

from __future__ import annotations

from ham.config.errors import ConfigError

MAX_AT_ONCE = 50  # runs


def parse_seeds(text: str) -> list[int]:
    """ "1-3" or "0, 1, 2" or both mixed, each seed once, in the order written. Raises
    ConfigError.
    """
    seeds: list[int] = []
    for part in text.replace(",", " ").replace(";", " ").split():
        first, dash, last = part.partition("-")
        low, high = first, last if dash else first
        if not (low.isdecimal() and high.isdecimal() and len(high) <= 10 and int(low) <= int(high)):
            raise ConfigError(
                f"Seeds {text!r}",
                f"{part!r} is neither a whole number nor a range.",
                "Write them as 1-3 or as 0, 1, 2.",
            )
        if int(high) - int(low) >= MAX_AT_ONCE:
            raise ConfigError(
                f"Seeds {part}",
                f"at most {MAX_AT_ONCE} runs can be started at once.",
                "Write a shorter range.",
            )
        seeds += range(int(low), int(high) + 1)
    return list(dict.fromkeys(seeds))
