"""The same file in every package: name, version and the rest are read from package.xml."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
about = ElementTree.parse(here / "package.xml").getroot()
name = about.findtext("name")
maintainer = about.find("maintainer")

nodes = sorted((here / name / "ros").glob("*_node.py"))
setup(
    name=name,
    version=about.findtext("version"),
    description=about.findtext("description"),
    maintainer=maintainer.text,
    maintainer_email=maintainer.get("email"),
    license=about.findtext("license"),
    packages=find_packages(include=[name, f"{name}.*"]),
    package_data={name: ["data/**", "py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{name}"]),
        (f"share/{name}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},
    zip_safe=False,
    entry_points={
        "console_scripts": [
            f"{node.stem.removesuffix('_node')} = {name}.ros.{node.stem}:main" for node in nodes
        ]
    },
)
