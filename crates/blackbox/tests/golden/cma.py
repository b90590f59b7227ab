"""Reference values of CMA-ES, from the implementation of its author, cma 4.5.0 (pip install cma==4.5.0 numpy).

    python cma.py constants     writes constants.json: weights, learning rates, damping
    python cma.py steps         writes steps.json: draws, function values, and the state after each generation
    python cma.py evaluations   writes evaluations.json: evaluations until a function value of 1e-9 (some minutes)

Mirrored sampling, which the reference has for populations below 6, is off throughout.
"""

import json
import math
import os
import sys

# This file has the name of the package that it needs.
sys.path = [path for path in sys.path if os.path.abspath(path or ".") != os.path.dirname(os.path.abspath(__file__))]
import cma  # noqa: E402
import numpy as np  # noqa: E402

assert cma.__version__ == "4.5.0", cma.__version__
ABOUT = f"crates/blackbox/tests/golden/cma.py with cma {cma.__version__}, numpy {np.__version__}: "
QUIET = {"verbose": -9, "CMA_mirrors": 0}


def sphere(x):
    return float(np.sum(x**2))


def ellipsoid(x):
    """Condition number 1e6, along the axes."""
    return float(np.sum(10.0 ** (6 * np.arange(len(x)) / (len(x) - 1)) * x**2))


def rosenbrock(x):
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def rastrigin(x):
    return float(10 * len(x) + np.sum(x**2 - 10 * np.cos(2 * np.pi * x)))


def linear(x):
    return float(x[0])


FUNCTIONS = {f.__name__: f for f in (sphere, ellipsoid, rosenbrock, rastrigin, linear)}


class Separable(cma.sampler.GaussDiagonalSampler):
    """The reference's diagonal sampler with the learning rates of Ros & Hansen 2008: (n+2)/3 times the full ones.

    Vectors with negative weights are measured by the C that they were drawn with, as in the tutorial and in the
    reference's full sampler; its diagonal one measures them by the C that has already decayed in this update.
    """

    def update(self, *args, **kwargs):
        self.drawn_with = self.C.copy()
        super().update(*args, **kwargs)

    def norm(self, x):
        return sum(np.asarray(x) ** 2 / self.drawn_with) ** 0.5

    def parameters(self, mueff=None, lam=None):
        if mueff is not None:
            n = self.dimension
            full = cma.interfaces.StatisticalModelSamplerWithZeroMeanBaseClass.parameters(self, mueff, lam)
            c1 = full["c1"] * (n + 2) / 3
            cmu = 2 * (0.25 + mueff - 2 + 1 / mueff) / ((n + 2) ** 2 + mueff) * (n + 2) / 3
            self.own = {"c1": c1, "cmu": min(cmu, 1 - c1)}
        return self.own


def make(n, lam, x0, sigma0, separable=False, active=True, gap=None, randn=None):
    options = dict(QUIET, CMA_active=active, updatecovwait=gap)
    if lam:
        options["popsize"] = lam
    if randn:
        options["randn"] = randn
    if separable:
        options["CMA_sampler"] = Separable(n, randn=randn or np.random.randn)
    es = cma.CMAEvolutionStrategy(x0, sigma0, options)
    if separable:
        rates = es.sm.parameters(mueff=es.sp.weights.mueff, lam=lam)
        weights = cma.recombination_weights.RecombinationWeights(lam)
        if active:
            weights.finalize_negative_weights(n, rates["c1"], rates["cmu"])
        else:
            weights.zero_negative_weights()
        es.sp.weights = weights
    else:
        # The reference starts with slightly different eigenvalues; ours are equal.
        es.sm.C, es.sm.B, es.sm.D = np.eye(n), np.eye(n), np.ones(n)
    # The reference divides by (norm + 1e-9)^2 where ours divides by norm^2.
    norm = es.sm.norm
    es.sm.norm = lambda x: norm(x) - 1e-9
    return es


def constants():
    cases = []
    for separable in (False, True):
        for n in (1, 2, 3, 5, 10, 20, 40, 100):
            for lam in sorted({4, 9, 4 + int(3 * math.log(n)), 20, 100}):
                es = make(n, lam, n * [0.0], 1.0, separable)
                rates = es.sm.parameters(mueff=es.sp.weights.mueff, lam=lam)
                cases.append(
                    {
                        "n": n,
                        "population": lam,
                        "separable": separable,
                        "mu": es.sp.weights.mu,
                        "mu_eff": es.sp.weights.mueff,
                        "weights": list(es.sp.weights),
                        "c_sigma": es.adapt_sigma.cs,
                        "d_sigma": es.adapt_sigma.damps,
                        "c_c": es.sp.cc,
                        "c_1": rates["c1"],
                        "c_mu": rates["cmu"],
                    }
                )
    norms = [cma.utilities.math.Mh.chiN(n) for n in range(1, 101)]
    sizes = (2, 3, 5, 10, 20, 100, 1000)
    populations = {n: cma.CMAEvolutionStrategy(n * [0.0], 1.0, QUIET).popsize for n in sizes}
    return {
        "about": ABOUT + "strategy constants, E|N(0,1)| for n = 1..100, default populations and gaps of decomposition",
        "cases": cases,
        "expected_norms": norms,
        "default_populations": populations,
        "eigen_gaps": {n: make(n, None, n * [0.0], 1.0).sm.lazy_update_gap for n in sizes},
    }


def steps():
    cases = []
    plan = [
        # name, n, population, function, start, sigma0, generations, separable, active, gap between decompositions
        ("default population", 5, 8, "ellipsoid", 1.0, 0.5, 8, False, True, None),
        ("curved valley", 8, 10, "rosenbrock", 0.1, 0.3, 10, False, True, None),
        ("large population", 3, 20, "rastrigin", 2.0, 1.0, 5, False, True, None),
        ("odd population", 4, 9, "ellipsoid", 1.0, 1.0, 6, False, True, None),
        ("small population", 3, 4, "ellipsoid", 1.0, 1.0, 6, False, True, None),
        ("without negative weights", 5, 8, "ellipsoid", 1.0, 0.5, 6, False, False, None),
        ("lazy decomposition", 5, 8, "ellipsoid", 1.0, 0.5, 9, False, True, 3),
        ("linear slope that stalls the path", 5, 12, "linear", 0.0, 0.1, 10, False, True, None),
        ("separable", 6, 9, "ellipsoid", 1.0, 0.5, 8, True, True, None),
        ("separable that stalls the path", 6, 14, "linear", 0.0, 0.1, 10, True, True, None),
        ("separable without negative weights", 6, 9, "rosenbrock", 0.1, 0.3, 6, True, False, None),
    ]
    for name, n, lam, function, start, sigma0, generations, separable, active, gap in plan:
        rng = np.random.default_rng(len(cases))
        drawn = []

        def randn(number, dimension):
            """Ours draws with the symmetric root B D B^T z, the reference with B D z: so hand it B^T z."""
            z = rng.standard_normal((number, dimension))
            drawn.append(z)
            return z if separable else z @ es.sm.B

        es = make(n, lam, n * [start], sigma0, separable, active, gap, randn)
        case = {
            "name": name,
            "n": n,
            "population": lam,
            "separable": separable,
            "active": active,
            "eigen_interval": gap,
            "start": start,
            "sigma0": sigma0,
            "generations": [],
        }
        for _ in range(generations):
            candidates = es.ask()
            values = [FUNCTIONS[function](x) for x in candidates]
            path_before = es.pc.copy()
            es.tell(candidates, values, check_points=False)
            assert len(drawn) == es.countiter and drawn[-1].shape == (lam, n)
            cc, scale = es.sp.cc, (es.mean - es.mean_old) / es._sigma_old
            stalled = np.allclose(es.pc, (1 - cc) * path_before) and not np.allclose(scale, 0)
            case["generations"].append(
                {
                    "normals": drawn[-1].ravel().tolist(),
                    "candidates": np.asarray(candidates).ravel().tolist(),
                    "values": values,
                    "mean": es.mean.tolist(),
                    "step_size": float(es.sigma),
                    "covariance": np.asarray(es.sm.C).ravel().tolist(),
                    "path_c": es.pc.tolist(),
                    "path_sigma": es.adapt_sigma.ps.tolist(),
                    "stalled": bool(stalled),
                }
            )
        cases.append(case)
    return {"about": ABOUT + "draws, function values (minimised), state after each generation", "cases": cases}


def evaluations():
    seeds, target, cases = 30, 1e-9, []
    plan = [(f, n, None) for f in ("sphere", "rosenbrock") for n in (5, 10, 20)]
    plan += [("ellipsoid", n, None) for n in (5, 10, 20)]
    plan += [("rastrigin", n, 20 * n) for n in (5, 10, 20)]
    for function, n, lam in plan:
        f, counts = FUNCTIONS[function], []
        # Rastrigin from a start that is no symmetric point of it, in a distance of many local optima.
        start, sigma0 = {"rastrigin": (3.3, 2.0)}.get(function, (0.1 if function == "rosenbrock" else 1.0, 0.5))
        for seed in range(1, seeds + 1):
            options = dict(QUIET, seed=seed)
            if lam:
                options["popsize"] = lam
            es = cma.CMAEvolutionStrategy(n * [start], sigma0, options)
            best, count = math.inf, 0
            # A search in a local optimum ends by its deviations; at the target they are still above 1e-6.
            while best > target and es.sigma * max(es.sm.D) > 1e-7 and count < 300_000:
                candidates = es.ask()
                values = [f(x) for x in candidates]
                es.tell(candidates, values)
                count += len(values)
                best = min(best, min(values))
            counts.append(count if best <= target else None)
        solved = sorted(c for c in counts if c is not None)
        cases.append(
            {"function": function, "n": n, "population": es.popsize, "start": start, "sigma0": sigma0, "counts": counts}
        )
        print(function, n, es.popsize, len(solved), "solved, median", np.median(solved) if solved else None,
              "range", (solved[0], solved[-1]) if solved else None, flush=True)
    return {
        "about": ABOUT + f"evaluations until a value of {target}, seeds 1 to {seeds}; null where it was not reached",
        "target": target,
        "cases": cases,
    }


if __name__ == "__main__":
    chores = {f.__name__: f for f in (constants, steps, evaluations)}
    if len(sys.argv) < 2 or not set(sys.argv[1:]) <= set(chores):
        sys.exit(__doc__)
    for name in sys.argv[1:]:
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(chores[name](), file, separators=(",", ":"))
            file.write("\n")
        print(path, os.path.getsize(path))
