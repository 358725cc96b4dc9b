# Every target brings what it needs first and is quick when that is there already.
#
#   make demo       install, build, start the server, sell one ticket and let it in
#   make test       all tests, on the release build; ends with `N passed, N failed`
#   make test-security  the part of them that holds the walls: forgery, smuggling, limits, roles, secrets, the audit
#   make test-live  the main flow against Stripe in test mode; STRIPE_TEST_KEY is the key, without it all is skipped
#   make test-asan  unit and functional tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   make test-tsan  the same under ThreadSanitizer, without the rendering of documents
#   make fuzz       every fuzz target for FUZZ_SECONDS (30)
#   make bench      measures; writes build/bench/results.json
#   make deps, deps-test, build, format, tidy, clean
#
# SUITES="unit functional" chooses suites of a test target, TESTS=expression single tests, PURCHASES=N the length of the
# run of purchases under kills (10000).

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.PHONY: all deps build demo deps-test test test-security test-live test-asan test-tsan bench fuzz format tidy clean
.DELETE_ON_ERROR:

all: build

# cmake reads the preset once, and again when packages came in; ninja watches everything after that.
build/release/build.ninja build/asan/build.ninja build/tsan/build.ninja build/fuzz/build.ninja: \
    CMakePresets.json $(wildcard build/stamps/*)
	@cmake --preset $(notdir $(@D)) $(if $(V),,--log-level=WARNING >/dev/null)
	@touch $@

ninja = cmake --build build/$(1) $(if $(JOBS),--parallel $(JOBS)) --target $(2)
run = build/venv/bin/python tests/run --preset $(1) $(if $(SUITES),--suites "$(SUITES)") $(if $(TESTS),--only "$(TESTS)")

deps:
	@scripts/install_packages deps/debian.txt

build: deps
	@$(MAKE) build/release/build.ninja
	@$(call ninja,release,admit)

demo: build
	@build/release/admit demo $(if $(filter true,$(CI)),--once) $(DEMO)

deps-test: deps
	@scripts/install_packages deps/debian-test.txt
	@scripts/make_venv
	@scripts/make_contract_tools
	@scripts/make_identity_tools

test: deps-test
	@$(MAKE) build/release/build.ninja
	@$(call ninja,release,checks)
	@$(call run,release)

test-security: deps-test
	@$(MAKE) build/release/build.ninja
	@$(call ninja,release,checks)
	@build/venv/bin/python tests/run --preset release --suites security $(if $(TESTS),--only "$(TESTS)")

test-live: build deps-test
	@build/venv/bin/python tests/live/live.py

test-asan test-tsan: test-%: deps-test
	@$(MAKE) build/$*/build.ninja
	@$(call ninja,$*,checks)
	@$(call run,$*)

bench: deps-test
	@$(MAKE) build/release/build.ninja
	@$(call ninja,release,all)
	@bench/run

fuzz: deps-test
	@$(MAKE) build/fuzz/build.ninja
	@$(call ninja,fuzz,fuzzers)
	@scripts/fuzz

format: deps-test
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format-19 -i

tidy: deps-test
	@$(MAKE) build/release/build.ninja
	@scripts/tidy

clean:
	@rm -rf build
