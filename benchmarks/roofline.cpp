// The machine's limits: multiply-adds a second, and bytes read a second from each level of the memory.
//
//     roofline THREADS SECONDS BYTES...   ->  one JSON object: {"flops": F, "read": {"BYTES": R, ...}}
//
// All threads together, each working on its own buffer of BYTES. Built for each set of instructions, whose vectors it uses.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX2__)
constexpr std::size_t vector_bytes = 32;
#else
constexpr std::size_t vector_bytes = 16;
#endif
constexpr std::size_t lanes = vector_bytes / sizeof(float);
using Vector = float __attribute__((vector_size(vector_bytes), may_alias));
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Keeps a value, so that the compiler cannot drop the work that made it.
void keep(const Vector &value) { asm volatile("" : : "m"(value) : "memory"); }

// Enough independent chains to hide the latency of a multiply-add on two ports. Returns operations done.
double multiply_adds(double limit) {
  constexpr int chains = 12;
  Vector sums[chains] = {};
  const Vector factor = Vector{} + 0.999f;
  const Vector addend = Vector{} + 0.001f;
  double operations = 0;
  const auto begin = Clock::now();
  while (seconds_since(begin) < limit) {
    for (int repeat = 0; repeat < 4096; ++repeat)
      for (auto &sum : sums) sum = sum * factor + addend;
    operations += 4096.0 * chains * 2 * static_cast<double>(lanes);
  }
  for (const auto &sum : sums) keep(sum);
  return operations;
}

// Reads the whole buffer again and again. Returns bytes read.
double read_all(const float *data, std::size_t bytes, double limit) {
  constexpr std::size_t chains = 8;
  const std::size_t count = bytes / sizeof(float) / (lanes * chains) * (lanes * chains);
  Vector sums[chains] = {};
  double total = 0;
  const auto begin = Clock::now();
  do {
    // Small buffers several times between two looks at the clock.
    const std::size_t repeats = std::max<std::size_t>(1, (1u << 20) / bytes);
    for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
      for (std::size_t at = 0; at < count; at += lanes * chains)
        for (std::size_t k = 0; k < chains; ++k)
          sums[k] += *reinterpret_cast<const Vector *>(data + at + k * lanes);
      for (auto &sum : sums) keep(sum);
    }
    total += static_cast<double>(repeats * count * sizeof(float));
  } while (seconds_since(begin) < limit);
  return total;
}

// Work a second of `threads` threads that begin together, each with its own prepared work.
double together(unsigned threads, const std::function<std::function<double()>()> &prepare) {
  std::atomic<unsigned> waiting{threads};
  std::vector<double> rates(threads);
  std::vector<std::thread> team;
  for (unsigned me = 0; me < threads; ++me)
    team.emplace_back([&, me] {
      const auto work = prepare();
      --waiting;
      while (waiting.load() != 0) {
      }
      const auto begin = Clock::now();
      const double done = work();
      rates[me] = done / seconds_since(begin);
    });
  for (auto &member : team) member.join();
  double sum = 0;
  for (const double rate : rates) sum += rate;
  return sum;
}

// The best of several short tries: a limit is what the machine can do when nothing else disturbs it.
double best_of(unsigned threads, const std::function<std::function<double()>()> &prepare) {
  double best = 0;
  for (int attempt = 0; attempt < 3; ++attempt) best = std::max(best, together(threads, prepare));
  return best;
}

double read_rate(unsigned threads, double limit, std::size_t bytes) {
  return best_of(threads, [=] {
    constexpr std::align_val_t alignment{64};
    std::shared_ptr<float> data(static_cast<float *>(::operator new(bytes, alignment)),
                                [=](float *pointer) { ::operator delete(pointer, alignment); });
    std::fill_n(data.get(), bytes / sizeof(float), 1.0f);
    read_all(data.get(), bytes, 0.0);
    return std::function<double()>([=] { return read_all(data.get(), bytes, limit); });
  });
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const auto threads = static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10));
  const double limit = std::strtod(argv[2], nullptr);
  const double flops =
      best_of(threads, [=] { return std::function<double()>([=] { return multiply_adds(limit); }); });
  std::printf("{\"vector_bytes\": %zu, \"flops\": %.6g, \"read\": {", vector_bytes, flops);
  for (int k = 3; k < argc; ++k) {
    const std::size_t bytes = std::strtoull(argv[k], nullptr, 10);
    std::printf("%s\"%zu\": %.6g", k == 3 ? "" : ", ", bytes, read_rate(threads, limit, bytes));
  }
  std::puts("}}");
  return 0;
}
