"""The values of flags as text, as workdirs and cards keep them."""

from typing import Any

from absl import flags


def of_command(module: str) -> dict[str, str]:
    """Returns the flags of a command that have a value, as text, sorted.

    Args:
        module: Name of the module of the command.
    """
    return {
        flag.name: as_text(flag.value)
        for flag in sorted(
            flags.FLAGS.get_key_flags_for_module(module), key=lambda f: f.name
        )
        if flag.value not in (None, [])
    }


def as_text(value: Any) -> str:
    """Returns the value of a flag as it is written on a command line."""
    return ",".join(value) if isinstance(value, list) else str(value)
