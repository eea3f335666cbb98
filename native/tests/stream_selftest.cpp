// Streams and pools without Python, for the sanitizers and for machines under emulation: the same bits however a
// sequence is cut, pools against single streams, snapshots, damage, and threads. Prints what failed and returns 1.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "cells/list.h"
#include "recurrence/isa.h"
#include "stream/builder.h"
#include "stream/pool.h"
#include "stream/session.h"
#include "threads/team.h"

namespace gatewise::stream {
namespace {

using Numbers = std::vector<float>;

void check(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "streams (%s): %s\n", current_kernels().name, what);
  std::exit(1);
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}

  Index between(Index least, Index most) { return std::uniform_int_distribution<Index>(least, most)(engine_); }
  Numbers normal(Index count) {
    std::normal_distribution<float> draw(0.0F, 0.5F);
    Numbers numbers(static_cast<std::size_t>(count));
    for (float& number : numbers) number = draw(engine_);
    return numbers;
  }

 private:
  std::mt19937 engine_;
};

// Masking, a convolution, recurrences of any two cells side by side, merged, normalised, and a Dense head.
struct Model {
  Index inputs;
  Index outputs = 3;
  std::shared_ptr<const Program> program;

  Model(Random& random, Index features, Index units) : inputs(features) {
    Builder make;
    const auto [x, mask] = make.masking(make.input(features, false), 0.0F);
    const Numbers taps = random.normal(3 * features * units);
    int past = make.convolution(x, {taps.data(), {3, features, units}}, {}, 2, 1).first;
    past = make.activation(past, "tanh", {}, true);
    const int first = recurrent(random, make, x, mask, features, units);
    const int second = recurrent(random, make, past, mask, units, units);
    const int sum = make.merge("add", {first, second, past});
    const Numbers gamma = random.normal(units);
    const Numbers beta = random.normal(units);
    const int norm = make.layer_norm(sum, 1e-3, {gamma.data(), {units}}, {beta.data(), {units}});
    const int both = make.concatenate({norm, first}, 1);
    const Numbers kernel = random.normal(2 * units * outputs);
    const Numbers bias = random.normal(outputs);
    make.output(make.dense(both, {kernel.data(), {2 * units, outputs}}, View{bias.data(), {outputs}}));
    program = make.finish();
  }

  static int recurrent(Random& random, Builder& make, int x, int mask, Index features, Index units) {
    const CellFacts& cell = Cells::kFacts[random.between(0, Cells::kCount - 1)];
    std::vector<Numbers> numbers;
    NamedViews weights;
    for (const WeightFact& weight : cell.weights) {
      const Axes axes = weight.axes();
      View view;
      for (int i = 0; i < axes.count; ++i) {
        const Axis& axis = axes.at[i];
        const Index letter = axis.letter == 'I' ? features : (axis.letter == 'H' ? units : 1);
        view.shape.push_back(letter * (axis.gates ? cell.gate_count() : axis.number));
      }
      numbers.push_back(random.normal(view.size()));
      view.data = numbers.back().data();
      weights.emplace_back(weight.name, view);
    }
    return make.recurrence(x, mask, cell.name, weights, "tanh", "sigmoid", false, "float32").first;
  }
};

// What a Builder must refuse.
void refuse(const char* what, const std::function<void(Builder&, int x, int ids)>& add) {
  Builder make;
  const int x = make.input(4, false);
  const int ids = make.input(2, true);
  const Index record = make.record();
  try {
    add(make, x, ids);
  } catch (const std::invalid_argument&) {
    check(make.record() == record, "a state was added for what was refused");
    return;
  }
  std::fprintf(stderr, "taken, and it does not fit: %s\n", what);
  check(false, "a program was made of what does not fit");
}

void sizes_that_do_not_fit() {
  const Numbers some(600);
  const auto view = [&](std::vector<Index> shape) { return View{some.data(), std::move(shape)}; };
  constexpr Index kHuge = Index{1} << 62;
  using B = Builder&;
  refuse("a negative width", [](B b, int, int) { b.input(-1, false); });
  refuse("a huge state", [](B b, int, int) { b.state(kHuge); });
  refuse("an unknown output", [](B b, int, int) { b.output(2); });
  refuse("ids as an output", [](B b, int, int ids) { b.output(ids); });
  refuse("a kernel of one axis", [&](B b, int x, int) { b.dense(x, view({4}), {}); });
  refuse("a kernel for other inputs", [&](B b, int x, int) { b.dense(x, view({3, 2}), {}); });
  refuse("a kernel for ids", [&](B b, int, int ids) { b.dense(ids, view({2, 2}), {}); });
  refuse("a kernel for no value", [&](B b, int, int) { b.dense(-1, view({4, 2}), {}); });
  refuse("a bias for other units", [&](B b, int x, int) { b.dense(x, view({4, 2}), view({3})); });
  const auto lstm = [&](B b, int x, int mask, const NamedViews& weights) {
    b.recurrence(x, mask, "lstm", weights, "tanh", "sigmoid", false, "float32");
  };
  const View kernel = view({4, 12});
  const View recurrent = view({3, 12});
  const NamedViews right = {{"kernel", kernel}, {"recurrent_kernel", recurrent}};
  refuse("no recurrent kernel", [&](B b, int x, int) { lstm(b, x, -1, {{"kernel", kernel}}); });
  refuse("an unknown weight", [&](B b, int x, int) {
    lstm(b, x, -1, {{"kernel", kernel}, {"recurrent_kernel", recurrent}, {"depth", kernel}});
  });
  refuse("units that differ",
         [&](B b, int x, int) { lstm(b, x, -1, {{"kernel", kernel}, {"recurrent_kernel", view({4, 12})}}); });
  refuse("no units",
         [&](B b, int x, int) { lstm(b, x, -1, {{"kernel", view({4, 0})}, {"recurrent_kernel", view({0, 0})}}); });
  refuse("a short bias", [&](B b, int x, int) {
    lstm(b, x, -1, {{"kernel", kernel}, {"recurrent_kernel", recurrent}, {"bias", view({11})}});
  });
  refuse("a recurrence on other inputs", [&](B b, int, int) { lstm(b, b.input(5, false), -1, right); });
  refuse("an unknown mask", [&](B b, int x, int) { lstm(b, x, 0, right); });
  refuse("an unknown cell",
         [&](B b, int x, int) { b.recurrence(x, -1, "cell", right, "tanh", "sigmoid", false, "float32"); });
  refuse("an unknown activation of a gate",
         [&](B b, int x, int) { b.recurrence(x, -1, "lstm", right, "tanh", "gelu", false, "float32"); });
  refuse("an unknown precision",
         [&](B b, int x, int) { b.recurrence(x, -1, "lstm", right, "tanh", "sigmoid", false, "float16"); });
  refuse("no such state", [](B b, int, int) { b.take_state(0, 1); });
  refuse("groups that do not divide", [&](B b, int x, int) { b.convolution(x, view({2, 2, 3}), {}, 1, 2); });
  refuse("a huge dilation", [&](B b, int x, int) { b.convolution(x, view({2, 4, 3}), {}, kHuge, 1); });
  refuse("no taps", [&](B b, int x, int) { b.convolution(x, view({0, 4, 3}), {}, 1, 1); });
  refuse("a table for floats", [&](B b, int x, int) { b.embedding(x, view({5, 2}), "table"); });
  refuse("an unknown activation", [](B b, int x, int) { b.activation(x, "polite", {}, false); });
  refuse("a parameter that is not there", [](B b, int x, int) { b.activation(x, "elu", {{"slope", 1}}, false); });
  refuse("a parameter too few", [](B b, int x, int) { b.activation(x, "threshold", {{"threshold", 1}}, false); });
  refuse("a parameter too many", [](B b, int x, int) { b.activation(x, "tanh", {{"alpha", 1}}, false); });
  refuse("an input in place", [](B b, int x, int) { b.activation(x, "tanh", {}, true); });
  refuse("a softmax of three of four", [](B b, int x, int) { b.softmax(x, 3, false); });
  refuse("a softmax of nothing", [](B b, int x, int) { b.softmax(x, 0, false); });
  refuse("too few alphas", [&](B b, int x, int) { b.prelu(x, view({3})); });
  refuse("another shift than scale", [&](B b, int x, int) { b.scale_shift(x, view({4}), view({2})); });
  refuse("another beta than gamma", [&](B b, int x, int) { b.layer_norm(x, 0.1, view({4}), view({2})); });
  refuse("an unknown merge", [](B b, int x, int) { b.merge("median", {x, x}); });
  refuse("nothing to merge", [](B b, int, int) { b.merge("add", {}); });
  refuse("widths that differ", [](B b, int x, int) { b.merge("add", {x, b.input(5, false)}); });
  refuse("parts that do not fit", [](B b, int x, int) { b.concatenate({x}, 3); });
  refuse("a mask of two ids", [](B b, int, int ids) { b.mask_zero(ids); });
  refuse("masks of nothing", [](B b, int, int) { b.combine_masks(-1, -1, true); });
  refuse("more than was finished", [](B b, int x, int) { b.finish(), b.output(x); });
}

Numbers push(Session& session, const Model& model, const float* x, Index steps) {
  Numbers y(static_cast<std::size_t>(session.batch() * steps * model.outputs));
  const void* in = x;
  float* out = y.data();
  session.push(&in, &out, steps);
  return y;
}

// One sequence in random pieces, and all of it at once.
void cut_anywhere(Random& random, const Model& model) {
  constexpr Index kSteps = 37;
  Numbers x = random.normal(kSteps * model.inputs);
  for (Index t = 0; t < kSteps; t += random.between(1, 5)) {
    std::fill_n(x.begin() + t * model.inputs, model.inputs, 0.0F);  // masked
  }
  Session whole(model.program, 1);
  const Numbers expected = push(whole, model, x.data(), kSteps);
  Session pieces(model.program, 1);
  Numbers found;
  for (Index t = 0; t < kSteps;) {
    const Index steps = std::min(kSteps - t, random.between(0, 4));
    const Numbers y = push(pieces, model, x.data() + t * model.inputs, steps);
    found.insert(found.end(), y.begin(), y.end());
    t += steps;
  }
  check(found == expected, "pieces of a sequence differ from the whole");
}

// A pool, some of whose ids come several times in a push, against one stream each.
void pool_of_streams(Random& random, const Model& model) {
  constexpr Index kStreams = 300;
  Pool pool(model.program, kStreams);
  std::vector<std::int64_t> all;
  std::vector<std::unique_ptr<Session>> streams;
  for (Index i = 0; i < kStreams; ++i) {
    all.push_back(i * 1000003 - 500);
    streams.push_back(std::make_unique<Session>(model.program, 1));
  }
  pool.records().add(all.data(), kStreams);
  for (int turn = 0; turn < 4; ++turn) {
    const Index count = random.between(1, 700);
    const Numbers x = random.normal(count * model.inputs);
    std::vector<Index> who;
    std::vector<std::int64_t> ids;
    Numbers expected;
    for (Index i = 0; i < count; ++i) {
      who.push_back(random.between(0, kStreams - 1));
      ids.push_back(all[static_cast<std::size_t>(who.back())]);
      Session& stream = *streams[static_cast<std::size_t>(who.back())];
      const Numbers y = push(stream, model, x.data() + i * model.inputs, 1);
      expected.insert(expected.end(), y.begin(), y.end());
    }
    Numbers found(expected.size());
    const void* in = x.data();
    float* out = found.data();
    pool.push(ids.data(), count, &in, &out);
    check(found == expected, "a pool differs from single streams");
    ids.back() = 7;
    try {
      pool.push(ids.data(), count, &in, &out);
      check(false, "an unknown id was taken");
    } catch (const UnknownStream&) {
    }
  }
  pool.records().drop(all.data(), 100);
  pool.records().add(all.data() + 50, 30);
  check(pool.records().size() == 230, "dropping and adding lost count");
}

void snapshots(Random& random, const Model& model) {
  const std::vector<char> header(48, 'h');
  Pool pool(model.program, 100);
  std::vector<std::int64_t> ids;
  for (Index i = 0; i < 90; ++i) ids.push_back(random.between(0, 10) + i * 20);
  pool.records().add(ids.data(), 90);
  const Numbers states = random.normal(90 * model.program->record());
  pool.write(ids.data(), 90, states.data());
  char name[] = "/tmp/gatewise_selftest_XXXXXX";
  const int file = mkstemp(name);
  check(file >= 0 && unlink(name) == 0, "no temporary file");
  pool.dump(file, header);
  Pool other(model.program, 95);
  check(lseek(file, 48, SEEK_SET) == 48, "cannot seek");
  other.load(file, header);
  Numbers found(states.size());
  other.read(ids.data(), 90, found.data());
  check(found == states, "a snapshot brought other states back");
  const char wrong = 'x';
  check(pwrite(file, &wrong, 1, 300) == 1 && lseek(file, 48, SEEK_SET) == 48, "cannot write");
  try {
    other.load(file, header);
    check(false, "a damaged snapshot was taken");
  } catch (const std::invalid_argument&) {
  }
  close(file);
}

// Ids that come and go, against a std::map; and which of the places of an id are its first, found by several threads.
void ids_and_slots(Random& random) {
  constexpr Index kIds = 700;
  Records records(500, 1);
  std::map<std::int64_t, bool> live;
  for (int turn = 0; turn < 200; ++turn) {
    const std::int64_t id = random.between(0, kIds) * (std::int64_t{1} << random.between(0, 40));
    std::vector<std::int64_t> ids{id};
    for (Index i = random.between(0, 40); i > 0; --i) ids.push_back(id + i);
    for (const std::int64_t each : ids) {
      if (live[each]) {
        records.drop(&each, 1);
      } else if (records.size() < records.capacity()) {
        records.add(&each, 1);
      } else {
        continue;
      }
      live[each] = !live[each];
    }
    for (const auto& [each, there] : live) check(records.contains(each) == there, "an id was lost, or one stayed");
  }

  Records many(kIds, 1);
  std::vector<std::int64_t> all;
  for (Index i = 0; i < kIds; ++i) all.push_back(i * 7919);
  many.add(all.data(), kIds);
  for (int turn = 0; turn < 8; ++turn) {
    // Twice in the course of this, the stamps begin again.
    many.begin_search(nullptr, Index{1} << 30, nullptr);
    constexpr Index kParts = 4;
    constexpr Index kPart = 400;
    std::vector<std::int64_t> ids;
    for (Index i = 0; i < kParts * kPart; ++i) ids.push_back(random.between(0, kIds - 1) * 7919);
    std::vector<std::uint32_t> slots(ids.size());
    auto search = many.begin_search(ids.data(), kParts * kPart, slots.data());
    search.alone = false;
    std::vector<std::thread> threads;
    for (Index part = 0; part < kParts; ++part) {
      threads.emplace_back([&, part] { many.find_part(search, part * kPart, (part + 1) * kPart); });
    }
    for (std::thread& thread : threads) thread.join();
    std::map<std::int64_t, bool> seen;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto slot = static_cast<std::uint32_t>(ids[i] / 7919);
      check(slots[i] == (slot | (seen[ids[i]] ? Records::kAgain : 0)), "the first place of an id is another");
      seen[ids[i]] = true;
    }
  }
  try {
    many.begin_search(nullptr, (Index{1} << 31) + 1, nullptr);
    check(false, "more ids than can be counted were taken");
  } catch (const std::invalid_argument&) {
  }
}

// What a Sum has no memory for: any call in this thread, or in the others, or one larger than the push's first here.
enum class Lack { nothing, here, elsewhere, more };

struct Memory {
  Lack lack = Lack::nothing;
  Index first = 0;  // streams of the first call in this thread
};

// The sum of a stream's inputs.
class Sum final : public Op {
 public:
  explicit Sum(Memory& memory) : memory_(memory) {}

  void run(const Frame& frame) const override {
    const bool here = std::this_thread::get_id() == home_;
    if (here && memory_.first == 0) memory_.first = frame.batch;
    const bool lacking =
        memory_.lack == Lack::more ? here && frame.batch > memory_.first : here == (memory_.lack == Lack::here);
    if (memory_.lack != Lack::nothing && lacking) throw std::bad_alloc();
    for (Index b = 0; b < frame.batch; ++b) {
      frame.values[1][b] = *frame.next[b] = *frame.state[b] + frame.values[0][b];
    }
  }

  double work() const override { return 1e6; }  // worth threads

 private:
  Memory& memory_;
  std::thread::id home_ = std::this_thread::get_id();
};

// A push on threads without memory takes effect as a whole or not at all.
void no_memory(Random& random) {
  Memory memory;
  auto program = std::make_shared<Program>();
  program->add_input(1, false);
  const int y = program->add_value(1);
  program->add_state(1);
  program->add(std::make_unique<Sum>(memory));
  program->add_output(y);
  constexpr Index kStreams = 3000;
  Pool pool(program, kStreams);
  std::vector<std::int64_t> all;
  for (Index i = 0; i < kStreams; ++i) all.push_back(i);
  pool.records().add(all.data(), kStreams);
  Numbers sums(static_cast<std::size_t>(kStreams));
  set_threads(3);
  for (int turn = 0; turn < 24; ++turn) {
    memory = {static_cast<Lack>(turn % 4), 0};
    const Index count = random.between(1, turn < 12 ? 400 : 5000);
    const Index most = random.between(count / 2, kStreams - 1);
    std::vector<std::int64_t> ids;
    for (Index i = 0; i < count; ++i) ids.push_back(random.between(0, most));
    const Numbers x(ids.size(), 1.0F);
    Numbers found(ids.size());
    const void* in = x.data();
    float* out = found.data();
    try {
      pool.push(ids.data(), count, &in, &out);
      check(memory.lack != Lack::here, "memory came from nowhere");
      for (std::size_t i = 0; i < ids.size(); ++i) {
        check(found[i] == (sums[static_cast<std::size_t>(ids[i])] += 1.0F), "streams did not advance in order");
      }
    } catch (const std::bad_alloc&) {
      check(memory.lack == Lack::here, "a push wanted more memory than its first block");
    }
    Numbers states(sums.size());
    pool.read(all.data(), kStreams, states.data());
    check(states == sums, "a push took effect in part");
  }
  set_threads(0);
}

// Threads that share a model, and a pool under its lock.
void together(Random& random, const Model& model) {
  const Numbers x = random.normal(64 * model.inputs);
  Pool pool(model.program, 256);
  std::vector<std::thread> threads;
  for (std::int64_t me = 0; me < 4; ++me) {
    threads.emplace_back([&, me] {
      Session stream(model.program, 4);
      std::vector<std::int64_t> ids(64);
      for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = me * 1000 + static_cast<std::int64_t>(i);
      Numbers y(static_cast<std::size_t>(64 * model.outputs));
      const void* in = x.data();
      float* out = y.data();
      for (int turn = 0; turn < 5; ++turn) {
        push(stream, model, x.data(), 16);
        const std::lock_guard<ForkLock> hold(pool.lock());
        pool.records().add(ids.data(), 64);
        pool.push(ids.data(), 64, &in, &out);
        pool.records().drop(ids.data(), 64);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  check(pool.records().size() == 0, "threads left streams behind");
}

void run(unsigned seed) {
  Random random(seed);
  const Model model(random, random.between(1, 20), random.between(1, 70));
  cut_anywhere(random, model);
  pool_of_streams(random, model);
  ids_and_slots(random);
  no_memory(random);
  snapshots(random, model);
  together(random, model);
}

}  // namespace
}  // namespace gatewise::stream

// The argument is how many random models each instruction set runs, 10 by default.
int main(int count, char** arguments) {
  gatewise::stream::sizes_that_do_not_fit();
  const unsigned models = count > 1 ? static_cast<unsigned>(std::atoi(arguments[1])) : 10;
  for (const gatewise::Kernels* kernels : gatewise::available_kernels()) {
    gatewise::set_isa(kernels->name);
    for (unsigned seed = 0; seed < models; ++seed) gatewise::stream::run(seed);
    std::printf("streams: %s passed\n", kernels->name);
  }
  return 0;
}
