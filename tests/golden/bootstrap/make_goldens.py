#!/usr/bin/env python3
"""Makes expected.json for tests/base/paired_bootstrap_test.cc, from code that shares nothing with base/.

  exact   the same draws (xoshiro256** and Lemire's method written here again, in Python integers), quantiles by NumPy
  scipy   scipy.stats.bootstrap(paired=True, method="percentile") with draws of its own and 100,000 resamples: the
          bounds must agree up to the chance in 10,000 resamples

Needs numpy and scipy; made with numpy 2.4.6 and scipy 1.17.1.
    python3 tests/golden/bootstrap/make_goldens.py > tests/golden/bootstrap/expected.json
"""

import json

import numpy
import scipy.stats

MASK = (1 << 64) - 1


class Xoshiro:
    def __init__(self, seed):
        self.state = []
        for _ in range(4):
            seed = (seed + 0x9E3779B97F4A7C15) & MASK
            z = seed
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
            self.state.append(z ^ (z >> 31))

    @staticmethod
    def rotate(x, k):
        return ((x << k) | (x >> (64 - k))) & MASK

    def next(self):
        s = self.state
        result = (self.rotate((s[1] * 5) & MASK, 7) * 9) & MASK
        shifted = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = self.rotate(s[3], 45)
        return result

    def below(self, bound):
        threshold = ((1 << 64) - bound) % bound
        while True:
            value = self.next()
            if value >= threshold:
                return value % bound


def cases():
    chance = numpy.random.default_rng(7)
    right = (chance.random(200) < 0.8).astype(float)
    better = numpy.maximum(right, (chance.random(200) < 0.3).astype(float))
    ones = numpy.ones(200)
    yield "accuracy, clearly better", (better, ones), (right, ones), 2000, 0.95, 1
    yield "accuracy, one example of 200", (numpy.where(numpy.arange(200) == 0, 1, right), ones), (right, ones), 2000, 0.9, 2
    tokens = chance.integers(1, 30, 120).astype(float)
    loss = tokens * chance.gamma(2.0, 0.5, 120)
    yield "loss per token, noise", (loss * chance.normal(1, 0.2, 120), tokens), (loss, tokens), 2000, 0.95, 3
    yield "loss per token, unlike weights", (loss * 0.9, tokens), (loss, tokens + 1), 1000, 0.99, 4
    yield "three examples", (numpy.array([1.0, 0, 1]), numpy.ones(3)), (numpy.array([0.0, 0, 1]), numpy.ones(3)), 1000, 0.95, 5


def exact(first, second, resamples, confidence, seed):
    random = Xoshiro(seed)
    count = len(first[0])
    differences = []
    for _ in range(resamples):
        drawn = numpy.array([random.below(count) for _ in range(count)])
        differences.append(first[0][drawn].sum() / first[1][drawn].sum()
                           - second[0][drawn].sum() / second[1][drawn].sum())
    tail = (1 - confidence) / 2
    return [float(bound) for bound in numpy.quantile(differences, [tail, 1 - tail])]


def by_scipy(first, second, confidence):
    def difference(a, wa, b, wb, axis=-1):
        return a.sum(axis) / wa.sum(axis) - b.sum(axis) / wb.sum(axis)
    found = scipy.stats.bootstrap((*first, *second), difference, paired=True, vectorized=True, n_resamples=100_000,
                                  batch=2000, confidence_level=confidence, method="percentile",
                                  random_state=numpy.random.default_rng(11))
    return [float(found.confidence_interval.low), float(found.confidence_interval.high)]


def main():
    out = []
    for name, first, second, resamples, confidence, seed in cases():
        out.append({
            "name": name, "resamples": resamples, "confidence": confidence, "seed": seed,
            "first": [list(map(float, pair)) for pair in zip(*first)],
            "second": [list(map(float, pair)) for pair in zip(*second)],
            "difference": float(first[0].sum() / first[1].sum() - second[0].sum() / second[1].sum()),
            "exact": exact(first, second, resamples, confidence, seed),
            "scipy": by_scipy(first, second, confidence)})
    print("[" + ",\n".join(json.dumps(case) for case in out) + "]")


if __name__ == "__main__":
    main()
