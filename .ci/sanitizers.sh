# shellcheck shell=bash
# The unit and integration tests under sanitizers. `.ci/run` reads this file.

# What no sanitizer can judge: compile_fail tests the compiler; examples and dns start programs that are
# not built with it; pool_short lets no thread be made, a sanitizer's own neither.
unfit=(compile_fail examples dns pool_short)

# Where no thread can be made, a sanitizer's own can't either. The process's memory is mostly a sanitizer's. Tens of thousands of computations, and a thousand threads that are
# watched one by one, take minutes, and have nothing new for it to see.
unfit_tests=(
    --skip no_threads::
    --skip leave_the_memory_where_it_was
    --skip computing_never_grows
    --skip a_thousand_closures_that_sleep
)

step_asan() { # what is used is alive, nothing is lost: AddressSanitizer brings LeakSanitizer along
    # Locals stay on the stack: letgo measures by their addresses how much of it is left.
    local -x ASAN_OPTIONS=detect_stack_use_after_return=0:detect_leaks=1
    local tests
    # These forget jobs, and payloads that panic as they are dropped: leaks on purpose.
    local leaky=(an_executor_that_never_comes a_value_that_panics_when_dropped_harms)
    mapfile -t tests < <(fit_tests)
    # Its keys have the map that keeps them: a cycle of the test's own.
    sanitized address "${tests[@]}" -- "${leaky[@]/#/--skip=}" --skip keys_and_values_may_come_back_into_the_map
    ASAN_OPTIONS+=:detect_leaks=0
    sanitized address --test faults -- "${leaky[@]}"
}

step_tsan() { # no data race; std is built with the sanitizer too, for which a compiler's source is needed
    local version directory=${scratch:?}/tsan runtime
    [[ ${CI:-} != true ]] || apt-get update -qq
    version=$(apt-cache policy rustc-web 2>/dev/null | grep -oP 'Candidate: \K\d+\.\d+') || true
    if ! unpack_rustc "$version" "$directory" rust-web-src; then
        skip "Debian's rustc-web and rust-web-src"
        return
    fi
    # Debian leaves it out.
    runtime=lib/rustlib/$(host)/lib/librustc-stable_rt.tsan.a
    cp "$(rustc --print sysroot)/$runtime" "$directory/usr/$runtime"
    # The slots of crossbeam's queues are read and written at once, and read again if that was seen. The
    # cells, promises, fan-ins and agents have tests on executors without such a queue.
    local -x TSAN_OPTIONS=suppressions=$PWD/.ci/tsan-known.txt
    local tests
    mapfile -t tests < <(fit_tests)
    with_rustc "$directory" sanitized thread -Zbuild-std "${tests[@]}" --
}

# Names the tests that a sanitizer can judge, as cargo's options.
fit_tests() {
    local test
    echo --lib
    for test in tests/*.rs tests/*/main.rs; do
        test=${test#tests/}
        test=${test%.rs}
        test=${test%/main}
        [[ " ${unfit[*]} common " == *" $test "* ]] || printf '%s\n' --test "$test"
    done
}

# Runs tests with a sanitizer: options of cargo's, and of the tests'.
sanitized() {
    local sanitizer=$1
    shift
    # RUSTC_BOOTSTRAP: sanitizers are unstable. A target, so that macros and build scripts go without.
    # No backtraces: with the sanitizer in it, std takes a minute for one, and panics are part of many tests.
    RUST_BACKTRACE=0 RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=$sanitizer \
        cargo test --locked --target-dir "target/$step" --target "$(host)" "$@" "${unfit_tests[@]}"
}

host() {
    rustc -vV | sed -n 's/^host: //p'
}
