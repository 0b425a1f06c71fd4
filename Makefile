# One command a task: the same for a person, for CI and for Jenkins. Each sets up first, which takes
# a second when nothing is missing. `make setup` also tries again what could not be got lately, and
# prints what was found. PYTHON=/path/to/python3.12 chooses the Python that .venv is made with.

PYTHONS = $(or $(PYTHON),python3.11 python3.12 python3.13 python3)
IS_GOOD = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
BIN = .venv/bin

# On a cluster of one's own, platforms of one name would meet: one test at a time there.
ON_CLUSTER = PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n $(if $(KUBECONFIG),0,2)

# A Kubeflow of one's own is reached from where one is; another is in namespaces of its own.
APART = $(if $(ATLAS_TEST_KUBEFLOW_OUTPUTS),,$(BIN)/python -m atlas_provider.cluster.apart)

.PHONY: help setup demo unit test test-cluster test-cluster-long test-kubeflow test-kubeflow-api test-kubeflow-runs test-long coverage lint bench audit sbom docs lock update-services mirror clean

help:
	@echo "make setup      get what Atlas needs, and show what was found"
	@echo "make demo       stand up the platform, train, deploy and score: the whole way"
	@echo "make unit       the unit tests: no process, no server; a minute and a half"
	@echo "make test       all tests but the long ones, with those against real servers on loopback"
	@echo "make test-long  the tests that take too long for that"
	@echo "make test-cluster  the platform on a real Kubernetes API server, or on the cluster of KUBECONFIG"
	@echo "make test-cluster-long  what takes longer there: size production, a real Airflow's bundles, a thousand pods"
	@echo "make test-kubeflow       both of the next two"
	@echo "make test-kubeflow-api   Atlas's Kubeflow client against a real Kubeflow Pipelines API server"
	@echo "make test-kubeflow-runs  pipelines on a real Kubeflow Pipelines, built of the checkout that ATLAS_TEST_KUBEFLOW_SOURCE names"
	@echo "make coverage   what the unit, integration and golden tests cover, against its floor"
	@echo "make lint       style, types, and who may import whom"
	@echo "make bench      what it takes, against what it may take"
	@echo "make audit      known vulnerabilities of the locked packages (docs/audit.md)"
	@echo "make sbom       the wheel's bill of materials, in dist/"
	@echo "make docs       the docs as a site, in build/docs: strict, with every link and anchor checked"
	@echo "make lock       write requirements.lock again (LOCK=--upgrade for the newest versions)"
	@echo "make update-services  what is newer of the services' manifests (SERVICE= VERSION= pins one)"
	@echo "make mirror     the manifests and the list of images of a platform, for a cluster without a network (FOLDER=)"
	@echo "make clean      remove caches and builds; .venv and .atlas stay"

setup:
	@for python in $(PYTHONS); do \
	    "$$python" -c '$(IS_GOOD)' 2>/dev/null || continue; \
	    exec "$$python" platform/atlas_toolchain $(if $(filter setup,$(MAKECMDGOALS)),--full); \
	done; \
	exec $(lastword $(PYTHONS)) platform/atlas_toolchain

demo: setup
	@$(BIN)/python recipes/demo.py

unit: setup
	@$(BIN)/python -m pytest -n 2 -m "not long and not cluster and not kubeflow" tests/unit

test: setup
	@$(BIN)/python -m pytest -n 3 --durations=15 -m "not long and not cluster and not kubeflow"

test-cluster: setup
	@$(BIN)/python platform/atlas_toolchain --cluster-tests main
	@$(ON_CLUSTER) -m "cluster and not long" tests/cluster

test-cluster-long: setup
	@$(BIN)/python platform/atlas_toolchain --cluster-tests all
	@$(ON_CLUSTER) -m "cluster and long" tests/cluster

test-kubeflow:
	@$(MAKE) test-kubeflow-api
	@$(MAKE) test-kubeflow-runs

test-kubeflow-api: setup
	@$(BIN)/python platform/atlas_toolchain --kubeflow-tests api
	@$(APART) $(BIN)/python -m pytest -m kubeflow tests/kubeflow/api

test-kubeflow-runs: setup
	@$(BIN)/python platform/atlas_toolchain --kubeflow-tests runs
	@$(APART) $(BIN)/python -m pytest -m kubeflow tests/kubeflow/runs
	@$(BIN)/python -m pytest -m kubeflow tests/kubeflow/images

test-long: setup
	@$(BIN)/python -m pytest -m "long and not cluster"
	@$(MAKE) test-cluster-long
	@$(MAKE) test-kubeflow-api

coverage: setup
	@$(BIN)/python -m pytest -n 2 --cov --cov-report=term -m "not long and not cluster and not kubeflow" \
	    tests/unit tests/integration tests/golden

lint: setup
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup
	@$(BIN)/python tests/bench/__main__.py

audit: setup
	@$(BIN)/python -m tests.supply.audit

sbom: setup
	@$(BIN)/python -m tests.supply.sbom

docs: setup
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

lock: setup
	@$(BIN)/uv pip compile -q $(LOCK) --generate-hashes --no-emit-index-url --no-header \
	    --python-version 3.11 --extra dev pyproject.toml --output-file requirements.lock
	@$(BIN)/python -m atlas.images $(LOCK)
	@$(BIN)/atlas build recipes --lock $(LOCK)

update-services: setup
	@$(BIN)/python -m infra.manifests.update $(SERVICE) $(VERSION)

mirror: setup
	@$(BIN)/python -m infra.manifests.mirror $(FOLDER)

clean:
	@rm -rf build dist .coverage .coverage.* .hypothesis .pytest_cache .mypy_cache .ruff_cache \
	    .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.venv/*' -not -path './.atlas/*' -prune -exec rm -rf {} +
