"""Tells what is in a demonstration or a learned grasp type."""

from pathlib import Path
from typing import Any

from ddg_cli.report import Report
from ddg_core.arrays import Array
from ddg_core.description import load_cell, load_hand
from ddg_core.errors import BadInput
from ddg_planning.generate import archive, demonstration, gm2, grasp_model


def show(path: Path) -> Report:
    """Describe a file; BadInput if it is neither."""
    try:
        header, arrays = archive.read(path, "grasp model", grasp_model.VERSION)
    except BadInput as error:
        if f"is a {gm2.WHAT}" in str(error):
            return describe_gm2(gm2.load_gm2(path, load_hand(load_cell().hand)), path)
        if "is a demonstration" not in str(error):
            raise
        header, arrays = archive.read(path, "demonstration", demonstration.VERSION)
        return _report("demonstration", header, arrays, {"points": len(arrays["points"])})
    contacts = {link: len(arrays[f"{link}.weights"]) for link in header["links"]}
    return _report("grasp model", header, arrays, {"kernels_per_link": contacts})


def describe_gm2(model: gm2.Gm2, path: Path) -> Report:
    """Tell what a GM2 model is made of, group by group."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for member, exemplar in zip(model.members, model.exemplars.tolist(), strict=True):
        group = f"{member.model.kind} {model.members[exemplar].model.id}"
        about = {
            "object": member.model.provenance.get("object", ""),
            "taught": member.taught,
            "tried": member.tried,
            "held": member.held,
            "views": {" ".join(a.links): a.views for a in member.aspects},
        }
        groups.setdefault(group, []).append(about)
    head = {
        "what": gm2.WHAT,
        "file": path,
        "id": model.id,
        "demonstrations": len(model.members),
        "models": len(model.models(gm2.Gm2Settings())),
        **model.provenance,
    }
    lines = [f"{key:<26} {value}" for key, value in head.items()]
    for name, members in groups.items():
        lines.append(name)
        lines += [
            f"  {m['object']:<24} {'taught' if m['taught'] else 'found':<7} "
            f"held {m['held']} of {m['tried']}"
            for m in members
        ]
    return Report({**head, "groups": groups}, "\n".join(lines))


def _report(
    what: str, header: dict[str, Any], arrays: dict[str, Array], more: dict[str, Any]
) -> Report:
    about = {
        "what": what,
        "kind": header["kind"],
        "hand": header["hand"],
        "id": archive.content_hash(header, arrays),
        "waypoints": len(arrays["joints"]),
        **more,
        **header["provenance"],
    }
    return Report(about, "\n".join(f"{key:<26} {value}" for key, value in about.items()))
