"""Who borrows and who pays: shops, and the core enterprises behind their orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scfcap.quantities import FloatArray, IntArray

#: Loans outstanding for each shop, on average.
LOANS_PER_SHOP = 10.0 / 3.0
#: Most to one shop [currency].
SHOP_LIMIT = 1_000_000.0
#: Core enterprises; the first :data:`LARGE_CORES` hold :data:`LARGE_CORE_SHARE` of order loans.
CORES = 20
LARGE_CORES = 5
LARGE_CORE_SHARE = 0.35
#: Provinces and their share of shops (our own choice).
REGIONS = {
    "Zhejiang": 0.20, "Guangdong": 0.18, "Jiangsu": 0.12, "Shanghai": 0.09, "Fujian": 0.09,
    "Shandong": 0.07, "Beijing": 0.06, "Hebei": 0.05, "Henan": 0.04, "Hubei": 0.04,
    "Sichuan": 0.03, "Hunan": 0.03,
}  # fmt: skip


@dataclass(frozen=True)
class Shops:
    """Shops by number. ``region`` indexes :data:`REGIONS`; ``score`` is higher for better."""

    region: IntArray
    score: IntArray

    def __len__(self) -> int:
        return len(self.region)


def make_shops(rng: np.random.Generator, loans: int) -> Shops:
    """Shops for a book of ``loans``."""
    count = max(1, round(loans / LOANS_PER_SHOP))
    shares = np.fromiter(REGIONS.values(), dtype=np.float64)
    region = np.searchsorted(np.cumsum(shares / shares.sum())[:-1], rng.random(count), "right")
    score = np.clip(np.rint(rng.normal(620.0, 50.0, count)), 350, 850)
    return Shops(region.astype(np.int64), score.astype(np.int64))


def pick_shops(rng: np.random.Generator, shops: Shops, loans: int) -> IntArray:
    """The shop of each loan; some shops borrow far more often than others."""
    return np.floor(len(shops) * rng.random(loans) ** 1.3).astype(np.int64)


def core_shares() -> FloatArray:
    """Share of order loans that each core enterprise pays, largest first; adds up to 1.

    A power of the rank, ``rank ** -x``, with x such that the largest five hold 35%.
    """
    rank = np.arange(1, CORES + 1, dtype=np.float64)
    low, high = 0.0, 5.0
    for _ in range(60):
        x = 0.5 * (low + high)
        weight = rank**-x
        low, high = (low, x) if _top(weight) > LARGE_CORE_SHARE else (x, high)
    return np.asarray(weight / weight.sum())


def _top(weight: FloatArray) -> float:
    return float(weight[:LARGE_CORES].sum() / weight.sum())


def pick_cores(rng: np.random.Generator, orders: int) -> IntArray:
    """The core enterprise behind each order loan, 0 the largest."""
    bounds = np.cumsum(core_shares())[:-1]
    return np.searchsorted(bounds, rng.random(orders), "right").astype(np.int64)


def within_limit(amount: FloatArray, shop: IntArray, shops: int) -> FloatArray:
    """``amount`` [currency] in whole units, cut in proportion where a shop has too much."""
    total = np.bincount(shop, amount, minlength=shops)
    factor = np.minimum(1.0, SHOP_LIMIT / np.maximum(total, 1.0))
    return np.asarray(np.maximum(np.floor(amount * factor[shop]), 1.0))
