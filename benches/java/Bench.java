import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.RecursiveTask;
import java.util.function.Supplier;

/**
 * What letgo is measured against in Java: ForkJoinPool, CompletableFuture, and a thread for each closure.
 *
 * <p>It answers each line "WORKLOAD NUMBER…" with the nanoseconds it took and the answer it came to.
 */
final class Bench {
    /** The common pool is one thread short of the cores, and CompletableFuture shuns it on two. */
    private static final ForkJoinPool POOL =
            new ForkJoinPool(Runtime.getRuntime().availableProcessors());

    private static final ExecutorService CACHED = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        return thread;
    });

    /** How long a workload is run before it is measured for the first time: it is compiled meanwhile. */
    private static final long WARM_UP = 1_000_000_000L;

    public static void main(String[] args) throws Exception {
        System.out.println(System.getProperty("java.version"));
        Set<String> warm = new HashSet<>();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            String[] words = line.split(" ");
            long[] numbers = new long[2];
            for (int i = 1; i < words.length; i++) {
                numbers[i - 1] = Long.parseLong(words[i]);
            }
            if (warm.add(words[0])) {
                long begin = System.nanoTime();
                while (System.nanoTime() - begin < WARM_UP) {
                    run(words[0], numbers[0], numbers[1]);
                }
            }
            System.gc(); // nobody pays for the turn before
            long start = System.nanoTime();
            long answer = run(words[0], numbers[0], numbers[1]);
            System.out.println(System.nanoTime() - start + " " + Long.toUnsignedString(answer));
        }
    }

    private static long run(String workload, long n, long m) throws Exception {
        switch (workload) {
            case "spawn-get/ForkJoinPool":
                return spawnGet(n, POOL::submit);
            case "spawn-get/CompletableFuture":
                return spawnGet(n, Bench::complete);
            case "fan-out/ForkJoinPool":
                return fanOut(n, POOL::submit);
            case "fan-out/CompletableFuture":
                return fanOut(n, Bench::complete);
            case "fib":
                return POOL.invoke(new Fib(n));
            case "skynet":
                return POOL.invoke(new Skynet(0, n));
            case "two-jobs":
                return twoJobs(n);
            case "sleepers":
                return sleepers(n, m);
            default:
                throw new IllegalArgumentException("there is no workload " + workload);
        }
    }

    /** A way to spawn. */
    private interface Spawn {
        Future<Long> spawn(Callable<Long> f);
    }

    private static Future<Long> complete(Callable<Long> f) {
        Supplier<Long> supplier = () -> {
            try {
                return f.call();
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        };
        return CompletableFuture.supplyAsync(supplier, POOL);
    }

    private static long sum(List<Future<Long>> futures) throws Exception {
        long sum = 0;
        for (Future<Long> future : futures) {
            sum += future.get();
        }
        return sum;
    }

    private static long spawnGet(long count, Spawn pool) throws Exception {
        long sum = 0;
        for (long i = 0; i < count; i++) {
            long number = i;
            sum += pool.spawn(() -> number + 1).get();
        }
        return sum;
    }

    private static long fanOut(long count, Spawn pool) throws Exception {
        List<Future<Long>> futures = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            long number = i;
            futures.add(pool.spawn(() -> number + 1));
        }
        return sum(futures);
    }

    private static final class Fib extends RecursiveTask<Long> {
        private final long n;

        Fib(long n) {
            this.n = n;
        }

        @Override
        protected Long compute() {
            if (n < 2) {
                return n;
            }
            Fib one = new Fib(n - 1);
            one.fork();
            long other = new Fib(n - 2).compute();
            return one.join() + other;
        }
    }

    private static final class Skynet extends RecursiveTask<Long> {
        private final long first;
        private final long leaves;

        Skynet(long first, long leaves) {
            this.first = first;
            this.leaves = leaves;
        }

        @Override
        protected Long compute() {
            if (leaves == 1) {
                return first;
            }
            long part = leaves / 10;
            Skynet[] children = new Skynet[10];
            for (int i = 0; i < 10; i++) {
                children[i] = new Skynet(first + i * part, part);
                children[i].fork();
            }
            long sum = 0;
            // The last first, as its documentation advises.
            for (int i = 9; i >= 0; i--) {
                sum += children[i].join();
            }
            return sum;
        }
    }

    private static long twoJobs(long steps) throws Exception {
        Future<Long> one = POOL.submit(() -> job(steps));
        Future<Long> other = POOL.submit(() -> job(steps));
        long answer = one.get();
        if (answer != other.get()) {
            throw new IllegalStateException("the two jobs are the same, their answers are not");
        }
        return answer;
    }

    /** The job that the others do. */
    private static long job(long steps) {
        long state = 88172645463325252L;
        for (long i = 0; i < steps; i++) {
            state ^= state << 13;
            state ^= state >>> 7;
            state ^= state << 17;
        }
        return state;
    }

    private static long sleepers(long count, long milliseconds) throws Exception {
        List<Future<Long>> futures = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            long number = i;
            futures.add(CACHED.submit(() -> {
                Thread.sleep(milliseconds);
                return number;
            }));
        }
        return sum(futures);
    }
}
