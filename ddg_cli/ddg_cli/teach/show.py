"""Tells what is in a demonstration or a learned grasp type."""

from pathlib import Path
from typing import Any

from ddg_cli.report import Report
from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_planning.generate import archive, demonstration, grasp_model


def show(path: Path) -> Report:
    """Describe a file; BadInput if it is neither."""
    try:
        header, arrays = archive.read(path, "grasp model", grasp_model.VERSION)
    except BadInput as error:
        if "is a demonstration" not in str(error):
            raise
        header, arrays = archive.read(path, "demonstration", demonstration.VERSION)
        return _report("demonstration", header, arrays, {"points": len(arrays["points"])})
    contacts = {link: len(arrays[f"{link}.weights"]) for link in header["links"]}
    return _report("grasp model", header, arrays, {"kernels_per_link": contacts})


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
