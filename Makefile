# Every target makes what it needs below .work/ and touches nothing else, except that `make test`
# run by root on Debian installs missing packages (sshd is installed, never started as a service).

.PHONY: help test test-all lint demo molecule bench clean

help:
	@echo "make demo       a playbook stock and ours, side by side (needs nothing but Python)"
	@echo "make test       everything a change can break"
	@echo "make test-all   all combinations, the slow tests too"
	@echo "make lint       ruff, mypy"
	@echo "make molecule   roles and playbooks through molecule, against servers of its own"
	@echo "make bench      the numbers, as ratios; ESTABLISHED=/path/to/python compares with that one"

# Of the oldest ansible-core: its own ways to describe, find and run modules, and its old Pythons.
OLDEST = tests/modules tests/plugins/test_discovery.py tests/integration/test_interpreters.py

test:
	.ci/in-env tox run -e lint,types,py311-core219,py313-core221
	.ci/in-env tox run -e py311-core216 -- $(OLDEST)

test-all:
	.ci/in-env tox run -e lint,types,py311-core216,py311-core219,py313-core221 -- --all
	.ci/in-env tox run -e molecule

lint:
	.ci/in-env tox run -e lint,types

demo:
	@.ci/in-env demo

molecule:
	.ci/in-env tox run -e molecule

bench:
	.ci/in-env tox run -e bench -- $(if $(ESTABLISHED),--established $(ESTABLISHED))

clean:
	rm -rf .work .tox .mypy_cache .ruff_cache .pytest_cache build *.egg-info
