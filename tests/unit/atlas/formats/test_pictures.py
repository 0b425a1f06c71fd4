"""Figures, pictures and images: the same bytes each time, and what a step gets of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import PIL.Image
import plotly.graph_objects as go
import pytest
from matplotlib.figure import Figure

from atlas import Html, Markdown, Png, Svg
from atlas.errors import StoreError
from atlas.formats import arrival, built_in, pictures
from atlas.validate import check
from tests.projects import Project


def figure(title: str = "Loss") -> Figure:
    made = Figure(figsize=(2, 1))
    axes = made.subplots()
    axes.plot([1, 2, 3], [3, 2, 2.5], label="test")
    axes.fill_between([1, 2, 3], [1, 2, 1])
    axes.set_title(title)
    axes.legend()
    return made


def put(store: Any, value: Any, format: str = "") -> tuple[Any, Any]:
    manifest = store.put("p", "r", "s", "o", value, format=format)
    return manifest, store.get("p", "r", "s", "o")


@pytest.mark.parametrize(("format", "kind"), [("", Png), ("svg", Svg)], ids=["png", "svg"])
def test_equal_figures_are_equal_bytes_and_arrive_as_pictures(store, format, kind):
    first, picture = put(store, figure(), format)
    second, _ = put(store, figure(), format)
    assert type(picture) is kind
    assert first.sha256 == second.sha256
    assert first.type == "matplotlib.Figure"
    again, back = put(store, picture)
    assert (again.sha256, back) == (first.sha256, picture)
    assert put(store, figure("Other"), format)[0].sha256 != first.sha256


def test_a_png_has_no_trace_of_when_and_by_what_it_was_made(store):
    content = bytes(put(store, figure())[1])
    assert b"Software" not in content
    assert b"tEXt" not in content
    text = str(put(store, figure(), "svg")[1])
    assert "<dc:date>" not in text
    assert "Matplotlib v" not in text


def test_a_figure_with_too_many_pixels_is_refused(store, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PIXELS", 100)
    with pytest.raises(StoreError, match="has 200 by 100 pixels, expected 100 at most"):
        put(store, figure())


def test_what_is_no_figure_is_refused_with_the_way_out(store):
    with pytest.raises(StoreError, match=r"found a matplotlib\.Axes, .*; return ax\.figure"):
        put(store, figure().axes[0], "png")
    with pytest.raises(ValueError, match="expected a PNG"):
        Png(b"GIF89a")
    with pytest.raises(ValueError, match="expected <svg"):
        Svg("<html>")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_an_image_comes_back_with_its_pixels_and_mode(store, mode):
    image = PIL.Image.effect_noise((9, 5), 50).convert("RGB").convert("L").convert(mode)
    manifest, back = put(store, image)
    assert (manifest.format, type(back), back.mode) == ("image", PIL.Image.Image, mode)
    np.testing.assert_array_equal(np.asarray(back), np.asarray(image))


def test_an_image_is_kept_without_what_came_with_its_file(store, tmp_path):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "made by me")
    PIL.Image.new("RGB", (2, 2)).save(tmp_path / "a.png", pnginfo=info)
    opened = PIL.Image.open(tmp_path / "a.png")
    plain, _ = put(store, PIL.Image.new("RGB", (2, 2)))
    assert put(store, opened)[0].sha256 == plain.sha256


def test_images_that_png_hasn_t_or_that_are_too_large_are_refused(store, monkeypatch):
    with pytest.raises(StoreError, match=r"mode 'CMYK'.*convert\(\"RGB\"\)"):
        put(store, PIL.Image.new("CMYK", (1, 1)))
    put(store, PIL.Image.new("RGB", (20, 20)))
    monkeypatch.setattr(pictures, "MOST_PIXELS", 100)
    with pytest.raises(StoreError, match="it has 20 by 20 pixels"):
        store.get("p", "r", "s", "o")


def test_a_page_of_plotly_has_all_it_needs_and_the_figure(store):
    chart = go.Figure(go.Scatter(x=np.arange(3), y=[1, 2, 3]))
    chart.update_layout(title_text="</script><script>alert(1)</script>")
    manifest, back = put(store, chart)
    page = store.content(manifest).decode()
    assert (manifest.format, back) == ("plotly", chart)
    assert manifest.data.endswith("data.html")
    assert "<script>alert(1)" not in page
    assert 'src="http' not in page
    assert put(store, chart)[0].sha256 == manifest.sha256
    small, again = put(store, chart, "plotly-json")
    assert again == chart
    assert small.size < 10_000 < manifest.size


def test_a_page_without_a_figure_isn_t_read(store):
    with pytest.raises(StoreError, match="no figure of Plotly in it"):
        built_in("plotly").decode(b"<html>")
    with pytest.raises(ValueError, match="Invalid property"):
        built_in("plotly-json").decode(b'{"data": [{"type": "scatter", "run": "os.system"}]}')


def test_notebooks_show_what_steps_give():
    picture = Png(b"\x89PNG\r\n\x1a\n")
    assert picture._repr_png_().startswith(b"\x89PNG")
    assert repr(picture) == "<Png of 8 bytes>"
    shown = Svg('<svg onload="alert(1)"/>')._repr_html_()
    assert shown.startswith("<img ")
    assert "alert" not in shown
    frame = Html('<script>"&"</script>')._repr_html_()
    assert 'sandbox="allow-scripts"' in frame
    assert "&quot;&amp;&quot;" in frame
    assert Markdown("# a")._repr_markdown_() == "# a"


def test_what_arrives_is_known_without_an_import():
    assert arrival("matplotlib.figure.Figure", "") == "atlas.pictures.Png"
    assert arrival("matplotlib.figure.Figure", "svg") == "atlas.pictures.Svg"
    assert arrival("plotly.graph_objects.Figure", "") == "plotly.graph_objects.Figure"
    assert arrival("pandas.DataFrame", "arrow") == "pandas.DataFrame"


SOURCE = """
    from matplotlib.figure import Figure
    from atlas import Png


    class Drawn(NamedTuple):
        plot: Figure


    class Draw(Template):
        def run(self) -> Drawn:
            made = Figure(figsize=(2, 1))
            made.subplots().plot([1, 2])
            return Drawn(made)


    class Size(NamedTuple):
        size: int


    class Weigh(Template):
        def run(self, plot: {hint}) -> Size:
            assert type(plot) is Png
            return Size(len(plot))
"""
STEPS = {
    "draw": {"class": "steps:Draw"},
    "weigh": {"class": "steps:Weigh", "inputs": {"plot": "draw.plot"}},
}


@pytest.mark.parametrize(
    ("hint", "named"), [("Png", False), ("bytes", False), ("Figure", True), ("str", True)]
)
def test_a_step_that_takes_a_figure_gets_a_picture(project: Project, hint: str, named: bool):
    project.pipeline("plots", SOURCE.replace("{hint}", hint), STEPS)
    problems = check(project.root / "plots").problems
    assert [problem.code for problem in problems] == (["R012"] if named else [])
    if named:
        assert "atlas.pictures.Png" in problems[0].message
        assert "arrives as atlas.pictures.Png" in (problems[0].hint or "")
