"""Themes: the colours of a picture, by what they mean. Few, distinct in lightness, legible in print and in the dark."""

from __future__ import annotations

from dataclasses import dataclass, field

COLOURS = {
    "paper": "#ffffff",
    "ink": "#16181d",
    "quiet": "#6b7280",
    "tint0": "#eef1f8",
    "tint1": "#fdf1e0",
    "tint2": "#e9f5ec",
    "tint3": "#f9e9ef",
    "operation": "#dcebfa",
    "learned": "#e8eeec",
    "backward": "#b3401f",
    "parameter": "#1f5fb3",
    "state": "#7a4fa3",
    "kept0": "#0072b2",
    "kept1": "#d55e00",
    "kept2": "#009e73",
    "kept3": "#cc79a7",
    "kept4": "#e69f00",
    "kept5": "#56b4e9",
}
"""The light theme. The colours of kept values are told apart by people of all kinds of colour vision."""

DARK = COLOURS | {
    "paper": "#14161a",
    "ink": "#eceff4",
    "quiet": "#9aa3b2",
    "tint0": "#1d2230",
    "tint1": "#2e261a",
    "tint2": "#1c2b21",
    "tint3": "#2f2028",
    "operation": "#1f3145",
    "learned": "#2c3432",
    "backward": "#ff9a73",
    "parameter": "#8fbcff",
    "state": "#c9a6ee",
}

PRINT = COLOURS | {
    "tint0": "#f4f4f4",
    "tint1": "#eaeaea",
    "tint2": "#f4f4f4",
    "tint3": "#eaeaea",
    "operation": "#ffffff",
    "learned": "#ffffff",
    "backward": "#000000",
    "parameter": "#000000",
    "state": "#000000",
}


@dataclass(frozen=True)
class Theme:
    """Colours by meaning, a font family and whether the paper is filled; `THEMES` has light, dark and print."""

    name: str = "light"
    colours: dict[str, str] = field(default_factory=lambda: dict(COLOURS))
    font: str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif"
    filled: bool = True

    def __getitem__(self, role: str) -> str:
        return self.colours[role]


THEMES = {"light": Theme(), "dark": Theme("dark", DARK), "print": Theme("print", PRINT)}
"""The themes by name, as `draw(theme=...)` takes them."""
