"""What a run's report shows of its outputs: figures, the first rows of tables, sizes, digests."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from atlas.errors import StoreError
from atlas.formats import BUILT_IN, named
from atlas.pages import xml
from atlas.previews import PreviewedRows, preview
from atlas.store.keys import artifact_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.step import Outcome
    from atlas.store import Manifest, Run, Store

    Outputs: TypeAlias = list[tuple[str, str, Manifest | None]]

_MOST_FIGURES = 24
_MOST_TABLES = 24
_MOST_BYTES = 12 << 20
"""Size in bytes of all figures on one page; further ones are links."""
IMAGES = "img-src data:; frame-src 'self' file:"
"""What a report's policy allows besides: figures in the page itself, and those of Plotly, each a
page of the store in a frame of its own, which has no way to this one."""
STYLE = """
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(26rem, 100%), 1fr));
  gap: 16px; align-items: start; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 8px; padding: 8px;
  background: #fff; color: #1f2328; }
figcaption { font-size: 12px; color: #4d5661; }
figure iframe { border: 0; width: 100%; height: 460px; }
.rows td, .rows th { white-space: nowrap; width: auto; }
summary { cursor: pointer; }
"""


def outputs_of(
    run: Run, outcomes: Mapping[tuple[str, int | None], Outcome], store: Store
) -> Outputs:
    """Return the outputs of a run: name, digest, and the manifest of those that are there."""
    found: Outputs = []
    for (step, item), outcome in outcomes.items():
        unit = step if item is None else f"{step}[{item}]"
        for output, sha256 in outcome.outputs.items():
            key = artifact_key(run.pipeline, run.id, step, output, item)
            try:
                manifest = store.manifest_at(key)
            except StoreError:
                manifest = None
            found.append((f"{unit}.{output}", sha256, manifest))
    return found


def figures(outputs: Outputs, store: Store) -> Iterator[str]:
    """Give the figures that steps have made, in the page."""
    shown = [*_figures(outputs, store)]
    if shown:
        yield f'<h2>Figures</h2><div class="figures">{"".join(shown)}</div>'


def _figures(outputs: Outputs, store: Store) -> Iterator[str]:
    left, count = _MOST_BYTES, 0
    for name, _, manifest in outputs:
        if manifest is None or manifest.format not in BUILT_IN:
            continue
        is_picture = named(manifest.format).shows == "picture"
        if not is_picture and manifest.format != "plotly":
            continue
        count += 1
        link = f"../../{quote(manifest.data)}"
        element = f'<a href="{xml(link)}">{xml(manifest.data.rpartition("/")[2])}</a>'
        if count <= _MOST_FIGURES and is_picture and manifest.size <= left:
            element = preview(store, manifest).element or element
            left -= manifest.size
        elif count <= _MOST_FIGURES and not is_picture:
            element = f'<iframe sandbox="allow-scripts" loading="lazy" src="{xml(link)}"></iframe>'
        yield f"<figure>{element}<figcaption>{xml(name)}</figcaption></figure>"


def tables(outputs: Outputs, store: Store, *, hides_rows: bool) -> Iterator[str]:
    """Give all outputs with their sizes, and the first rows of those that are tables.

    Args:
        outputs: what a run has written.
        store: where it is.
        hides_rows: whether only sizes are to be seen.
    """
    if not outputs:
        return
    looked = {
        name: preview(store, manifest, text=False).rows
        for name, _, manifest in [one for one in outputs if _is_table(one[2])][:_MOST_TABLES]
        if manifest is not None
    }
    yield '<h2>Outputs</h2><div class="wide"><table class="steps"><tr><th>output</th><th>type</th>'
    yield '<th>kept as</th><th class="number">size</th><th>rows</th><th>sha256</th></tr>'
    for name, sha256, manifest in outputs:
        yield _row(name, sha256, manifest, looked.get(name))
    yield "</table></div>"
    for name, rows in looked.items():
        if rows is not None and rows.rows and not hides_rows:
            yield f"<details><summary>{xml(name)}: the first rows of {rows.count:,}</summary>"
            yield f'<div class="wide">{_cells(rows)}</div></details>'


def _is_table(manifest: Manifest | None) -> bool:
    known = manifest is not None and manifest.format in BUILT_IN
    return known and named(manifest.format).shows == "table"  # type: ignore[union-attr]


def _row(name: str, sha256: str, manifest: Manifest | None, rows: PreviewedRows | None) -> str:
    kind, form, size = ("", "", "") if manifest is None else (
        manifest.type, manifest.format, _size(manifest.size)
    )  # fmt: skip
    shape = rows.shape if rows is not None else ""
    return (
        f"<tr><td>{xml(name)}</td><td>{xml(kind)}</td><td>{xml(form)}</td>"
        f'<td class="number">{size}</td><td>{shape}</td>'
        f'<td title="{xml(sha256)}"><code>{xml(sha256[:16])}</code></td></tr>'
    )


def _cells(rows: PreviewedRows) -> str:
    head = "".join(f"<th>{xml(name)}</th>" for name in rows.columns)
    more = "<th>…</th>" if rows.width > len(rows.columns) else ""
    body = "".join(
        f"<tr>{''.join(f'<td>{xml(cell)}</td>' for cell in row)}</tr>" for row in rows.rows
    )
    return f'<table class="rows"><tr>{head}{more}</tr>{body}</table>'


_STEP = 1024


def _size(amount: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if amount < _STEP:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _STEP
    return f"{amount:.1f} GiB"
