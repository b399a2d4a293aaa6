"""The cars table, its units, and the script that makes it."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import pytest
import torch

from course_lib.data import cars
from studies import build_cars


def test_the_table_has_the_promised_form():
    loaded = cars.load_cars()
    assert len(loaded.names) == 392
    for column in loaded[:3]:
        assert column.shape == (392,)
        assert column.dtype == torch.float64
        assert column.isfinite().all()
    assert loaded.years.dtype == torch.int64
    assert sorted(set(loaded.years.tolist())) == [1970, *range(1971, 1981), 1982]
    assert all(isinstance(name, str) and name for name in loaded.names)


def test_numbers_are_those_of_real_cars():
    loaded = cars.load_cars()
    assert 700 < loaded.weight_kg.min() < loaded.weight_kg.max() < 2400
    assert 30 < loaded.power_kw.min() < loaded.power_kw.max() < 180
    assert 5 < loaded.litres_per_100km.min() < loaded.litres_per_100km.max() < 27
    columns = torch.stack([loaded.weight_kg, loaded.power_kw, loaded.litres_per_100km])
    assert torch.corrcoef(columns).min() > 0.8  # heavy cars are strong, and thirsty


def test_units_are_converted_as_the_formulas_say():
    loaded = cars.load_cars()
    row = loaded.names.index("chevrolet chevelle malibu")  # 18 mpg, 130 hp, 3504 lb in the source
    assert loaded.weight_kg[row].item() == pytest.approx(1589.387664)
    assert loaded.power_kw[row].item() == pytest.approx(96.94098, abs=1e-4)  # 130 × 745.69987 W
    # 18 miles of 1.609344 km on a gallon of 3.785411784 l
    assert loaded.litres_per_100km[row].item() == pytest.approx(3.785411784 / (18 * 1.609344) * 100)


def test_only_the_rows_that_lack_a_value_are_left_out():
    table = json.loads(cars.EMBEDDED_FILE.read_text())
    lacking = {name: column.count(None) for name, column in table.items() if None in column}
    assert lacking == {"miles_per_gallon": 8, "horsepower": 6}
    assert 14 + len(cars.load_cars().names) == len(table["names"]) == 406


@pytest.mark.parametrize("damage", ["truncated", "one bit", "empty"])
def test_a_damaged_file_is_refused_by_name_and_hash(damage, tmp_path: Path, monkeypatch):
    content = bytearray(cars.EMBEDDED_FILE.read_bytes())
    if damage == "one bit":
        content[len(content) // 2] ^= 1
    else:
        content = content[: 0 if damage == "empty" else len(content) // 2]
    path = tmp_path / "cars.json"
    path.write_bytes(content)
    monkeypatch.setattr(cars, "EMBEDDED_FILE", path)
    with pytest.raises(ValueError, match="is corrupt or truncated") as caught:
        cars.load_cars()
    for part in (str(path), cars.EMBEDDED_SHA256, hashlib.sha256(content).hexdigest()):
        assert part in str(caught.value)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        cars.load_cars()


def source_rows() -> list[dict[str, object]]:
    """The embedded table, turned back into rows as the package has them, other columns included."""
    table = json.loads(cars.EMBEDDED_FILE.read_text())
    rows = []
    for name, year, pounds, horsepower, mpg in zip(*(table[key] for key in build_cars.COLUMNS), strict=True):
        rows.append(
            {
                "Name": name,
                "Miles_per_Gallon": mpg,
                "Cylinders": 4,
                "Horsepower": horsepower,
                "Weight_in_lbs": pounds,
                "Year": f"{year}-01-01",
            }
        )
    return rows


def test_the_script_makes_the_embedded_file_byte_by_byte(tmp_path: Path):
    source, output = tmp_path / "source.json", tmp_path / "cars.json"
    source.write_text(json.dumps(source_rows()))
    sha256 = build_cars.write_cars(source, output, hashlib.sha256(source.read_bytes()).hexdigest())
    assert sha256 == cars.EMBEDDED_SHA256
    assert output.read_bytes() == cars.EMBEDDED_FILE.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cars.json", "source.json"]


def test_the_script_refuses_another_source(tmp_path: Path):
    source = tmp_path / "source.json"
    source.write_text(json.dumps(source_rows()))
    with pytest.raises(ValueError, match="corrupt or truncated: expected SHA-256 f686a53678"):
        build_cars.write_cars(source, tmp_path / "cars.json")
    assert not (tmp_path / "cars.json").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Weight_in_lbs": None}, "row 1: Weight_in_lbs must be a finite number above 0, got None"),
        ({"Weight_in_lbs": math.nan}, "row 1: Weight_in_lbs must be a finite number above 0, got nan"),
        ({"Horsepower": 0}, "row 1: Horsepower must be a finite number above 0, got 0"),
        ({"Horsepower": "95"}, "row 1: Horsepower must be .* got '95'"),
        ({"Miles_per_Gallon": math.inf}, "row 1: Miles_per_Gallon must be .* got inf"),
    ],
)
def test_the_script_names_the_row_and_column_of_a_bad_value(change, message):
    rows = source_rows()[:3]
    rows[1] |= change
    with pytest.raises(ValueError, match=message):
        build_cars.build_table(rows)


def test_the_script_refuses_a_table_without_rows_or_a_column():
    with pytest.raises(ValueError, match="rows must hold at least one car, got none"):
        build_cars.build_table([])
    rows = source_rows()[:3]
    del rows[2]["Year"]
    with pytest.raises(ValueError, match="row 2 has no column Year"):
        build_cars.build_table(rows)
