"""A figure as SVG in the text of a page: in the page's own colours, light or dark, with names at its points."""

import io
import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

import matplotlib
from matplotlib.figure import Figure

from evaluation.report.style import BLUE, FAINT, GREEN, INK, OCHRE, PURPLE, VERMILION

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
HREF = f"{{{XLINK}}}href"
VARIABLES = {  # of page.css, by the colours that they stand for
    "#000000": "--ink",
    INK: "--ink",
    FAINT: "--faint",
    BLUE: "--blue",
    VERMILION: "--vermilion",
    GREEN: "--green",
    PURPLE: "--purple",
    OCHRE: "--ochre",
}
DOTS_PER_INCH = 60  # of what is not drawn by lines
COLOR = re.compile(f"(?<=: )(?:{'|'.join(VARIABLES)})(?=;|$)")
FONT = re.compile(r"font: (?:[\w-]+ )*([\d.]+px) [^;]*")  # "font: 10px 'DejaVu Sans', …, sans-serif"
REFERENCE = re.compile(r"#([\w.-]+)")
NOT_KEPT = ("metadata", "style")  # a style in the text of a page is one of the whole page

ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


def svg_file(figure: Figure, salt: str, transparent: bool = False) -> bytes:
    """Return a figure as an SVG file, the same each time; `salt` is what its ids are made of."""
    file = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": salt}):
        figure.savefig(file, format="svg", metadata={"Date": None}, dpi=DOTS_PER_INCH, transparent=transparent)
    return file.getvalue()


def inline_svg(figure: Figure, name: str, label: str, points: Mapping[str, Sequence[str]] | None = None) -> str:
    """Return a figure as an element of a page.

    Args:
        name: begins each id in it, so that they are unique in the page.
        label: what it is called to those who can't see it.
        points: names of a line's markers, by the line's gid; each gets its name to hover over.
    """
    root = ElementTree.fromstring(svg_file(figure, name, transparent=True))
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag.rpartition("}")[2] in NOT_KEPT]:
            parent.remove(child)
    for gid, names in (points or {}).items():
        _name_points(root, gid, names)
    _keep_ids(root, name)
    for element in root.iter():
        if style := element.get("style"):
            element.set(
                "style", COLOR.sub(lambda found: f"var({VARIABLES[found[0]]})", FONT.sub(r"font-size: \1", style))
            )
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.attrib.update({"role": "img", "aria-label": label})
    return ElementTree.tostring(root, encoding="unicode")


def _name_points(root: ElementTree.Element, gid: str, names: Sequence[str]) -> None:
    (line,) = (element for element in root.iter() if element.get("id") == gid)
    markers = list(line.iter(f"{{{SVG}}}use"))
    for marker, name in zip(markers, names, strict=True):
        marker.set("data-name", name)
        ElementTree.SubElement(marker, f"{{{SVG}}}title").text = name


def _keep_ids(root: ElementTree.Element, name: str) -> None:
    """Drop ids that nothing refers to, and begin the others, and what refers to them, with the name."""
    values = [value for element in root.iter() for value in element.attrib.values()]
    referred = {match for value in values for match in REFERENCE.findall(value)}
    for element in root.iter():
        if (own := element.attrib.pop("id", None)) in referred:
            element.set("id", f"{name}-{own}")
        for attribute in (HREF, "clip-path", "style"):
            if "#" in (value := element.get(attribute, "")) and not value.startswith("data:"):
                element.set(attribute, _referring(value, name, attribute))


def _referring(value: str, name: str, attribute: str) -> str:
    """Prefix what a reference refers to; in a style those in `url(#…)` only, as colours begin with # too."""
    if attribute == HREF:
        return f"#{name}-{value[1:]}"
    return value.replace("url(#", f"url(#{name}-")
