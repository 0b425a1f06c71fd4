"""A small project of Kedro, as its starters lay it out."""

from __future__ import annotations

from pathlib import Path

FILES = {
    "pyproject.toml": '[tool.kedro]\npackage_name = "shop"\n',
    "requirements.txt": "kedro~=1.0\nscikit-learn>=1.5  # models\n-r other.txt\n",
    "conf/base/catalog.yml": (
        "_csv: &csv\n  type: pandas.CSVDataset\n\n"
        "sales:\n  <<: *csv\n  filepath: data/01_raw/sales.csv\n  load_args: {sep: ';'}\n"
        "clean:\n  type: pandas.ParquetDataset\n  filepath: data/02/clean.parquet\n"
        "model:\n  type: pickle.PickleDataset\n  filepath: data/06/model.pickle\n  versioned: true\n"
        "'{name}_plot':\n  type: plotly.JSONDataset\n  filepath: x.json\n"
    ),
    "conf/base/parameters.yml": "train:\n  share: 0.75\n  columns: [amount]\n",
    "src/shop/__init__.py": "raise RuntimeError('imported')\n",
    "src/shop/helpers.py": "def rounded(number: float) -> float:\n    return round(number, 3)\n",
    "src/shop/pipelines/__init__.py": "",
    "src/shop/pipelines/train/__init__.py": "from .pipeline import create_pipeline\n",
    "src/shop/pipelines/train/nodes.py": (
        "import pandas as pd\n\nfrom ...helpers import rounded\n\n\n"
        "def clean(sales: pd.DataFrame) -> pd.DataFrame:\n"
        '    """Drop rows with gaps."""\n    return sales.dropna()\n\n\n'
        "def split(rows: pd.DataFrame, options: dict) -> tuple[pd.DataFrame, pd.DataFrame]:\n"
        "    cut = int(len(rows) * options['share'])\n    return rows[:cut], rows[cut:]\n\n\n"
        "def fit(rows, columns):\n"
        "    return {name: rounded(float(rows[name].mean())) for name in columns}\n\n\n"
        "def score(model, rows):\n    return {'mae': 1.0, 'rows': len(rows)}\n"
    ),
    "src/shop/pipelines/train/pipeline.py": (
        "from kedro.pipeline import node, pipeline\n\nfrom . import nodes\n"
        "from .nodes import clean, fit, split\n\n\ndef create_pipeline(**kwargs):\n"
        "    return pipeline([\n"
        "        node(clean, 'sales', 'clean', name='clean_sales'),\n"
        "        node(split, ['clean', 'params:train'], ['learn', 'test'], name='split'),\n"
        "        node(func=fit, inputs={'rows': 'learn', 'columns': 'params:train.columns'},\n"
        "             outputs='model', name='fit'),\n"
        "        node(nodes.score, ['model', 'test'], {'mae': 'error', 'rows': 'count'}, name='Score!'),\n"
        "        node(lambda rows: None, 'learn', None, name='show'),\n"
        "        *[node(clean, f'sales_{n}', f'clean_{n}') for n in range(2)],\n"
        "    ], namespace='shop')\n"
    ),
}


def kedro_project(folder: Path, **changes: str) -> Path:
    """Write the project, with other texts for some files; return its folder."""
    for name, text in {**FILES, **changes}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    data = folder / "data" / "01_raw" / "sales.csv"
    data.parent.mkdir(parents=True)
    data.write_text("amount;day\n1.5;1\n2.5;2\n;3\n4.0;4\n")
    return folder
