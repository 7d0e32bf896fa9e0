"""Names that `ddg eval` knows; light, so that help and mistakes cost no import."""

from ddg_core.errors import UnknownName

SPLITS = ("train", "validation", "test")
OBJECTS = {  # what --objects names -> settings of the rollouts
    **{part: {"split": part} for part in SPLITS},
    **{f"blends-{part}": {"split": part, "shapes": "blends"} for part in SPLITS},
}
JAWS = {  # generators of the two-finger gripper -> policy; empty takes that of the settings
    "dexnet": "",
    **{f"dexnet-{name}": name for name in ("cem", "best", "fc", "centred", "antipodal", "random")},
}
GENERATORS = ("gm1", "gm2", "random", *JAWS)
EVALUATORS = ("none", "em-s", "em1", "em2", "em3")
REFINERS = ("none", "ga", "sa")


def check(what: str, name: str, known: tuple[str, ...]) -> None:
    """Refuse a name that is not known."""
    if name not in known:
        raise UnknownName(what, name, known)
