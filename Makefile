# Makefile — the few commands there are to learn; CMake, Ninja, ctest and pytest do the work.

JOBS ?= $(shell nproc)
VENV := .venv
GENERATE := cmake -G Ninja -S .

.PHONY: all demo test check fuzz bench venv clean coverage unit

all:
	@tools/deps build
	@$(GENERATE) -B build -DVIRGA_TESTS=OFF >/dev/null
	@ninja -C build -j $(JOBS) virga

# Installs what is missing, builds, starts Virga, deploys a real system and shows what happened.
demo: all
	@tools/deps demo
	@tools/venv demo
	@examples/two-accounts/demo build/virga

# Everything: unit tests, fuzz corpora, protocol tests, real clients on both stores, crashes.
test:
	@tools/deps test
	@tools/venv test
	@tools/runtests

# The unit tests, corpora and protocol tests alone, on the sanitizer build (build/test).
unit:
	@tools/deps test
	@tools/runtests --only build,unit

# Layout, house rules, headers, static analysis, and that the README's table is current.
check: all
	@tools/deps test
	@tools/check

fuzz:
	@tools/deps test
	@tools/fuzz $(SECONDS_EACH)

bench: all
	@tools/deps bench
	@tools/venv bench
	@tools/bench/run build/virga

coverage: all
	@build/virga coverage

venv:
	@tools/venv test

clean:
	rm -rf build $(VENV)
