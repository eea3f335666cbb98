// Streams and pools without Python, for the sanitizers and for machines under emulation: the same bits however a
// sequence is cut, pools against single streams, snapshots, damage, and threads. Prints what failed and returns 1.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
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
  Pool pool(model.program, {kStreams});
  std::vector<std::int64_t> all;
  std::vector<std::unique_ptr<Session>> streams;
  for (Index i = 0; i < kStreams; ++i) {
    all.push_back(i * 1000003 - 500);
    streams.push_back(std::make_unique<Session>(model.program, 1));
  }
  pool.streams().add({all.data(), kStreams});
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
    pool.push({ids.data(), count}, &in, &out);
    check(found == expected, "a pool differs from single streams");
    ids.back() = 7;
    try {
      pool.push({ids.data(), count}, &in, &out);
      check(false, "an unknown id was taken");
    } catch (const UnknownStream&) {
    }
  }
  pool.drop({all.data(), 100});
  pool.streams().add({all.data() + 50, 30});
  check(pool.streams().records().size() == 230, "dropping and adding lost count");
}

// Ids of all three kinds, whose names live here.
class Names {
 public:
  explicit Names(Index count) {
    for (Index i = 0; i < count; ++i)
      letters_.push_back(std::to_string(i / 3) + std::string(static_cast<std::size_t>(i % 7), 'x'));
    for (Index i = 0; i < count; ++i) {
      const std::string& name = letters_[static_cast<std::size_t>(i)];
      ids_.push_back(i % 3 == 0 ? Id(i / 3) : Id(static_cast<Kind>(i % 3), name.data(), name.size()));
    }
  }

  const Id& operator[](Index i) const { return ids_[static_cast<std::size_t>(i)]; }
  Ids all() const { return {ids_.data(), static_cast<Index>(ids_.size())}; }
  Ids part(Index from, Index count) const { return {ids_.data() + from, count}; }

 private:
  std::vector<std::string> letters_;
  std::vector<Id> ids_;
};

std::vector<char> saved(Pool& pool, const std::vector<char>& header, const Streams::Choice& choice) {
  std::vector<char> bytes;
  Writer writer(bytes);
  pool.save(writer, header, choice);
  return bytes;
}

Reader reader(const std::vector<char>& bytes, const std::vector<char>& header) {
  return {bytes.data() + header.size(), bytes.size() - header.size()};
}

// Saves of all streams, of some and of what changed, in files and in memory; and damage.
void snapshots(Random& random, const Model& model) {
  const std::vector<char> header(80, 'h');
  const Names names(90);
  Pool pool(model.program, {100});
  pool.streams().add(names.all());
  Numbers states = random.normal(90 * model.program->record());
  pool.write(names.all(), states.data());
  char name[] = "/tmp/gatewise_selftest_XXXXXX";
  const int file = mkstemp(name);
  check(file >= 0 && unlink(name) == 0, "no temporary file");
  Writer writer(file);
  pool.save(writer, header, {});
  Pool other(model.program, {95});
  check(lseek(file, 80, SEEK_SET) == 80, "cannot seek");
  Reader from(file);
  other.restore(from, header, 2);
  close(file);
  Numbers found(states.size());
  other.read(names.all(), found.data());
  check(found == states, "a snapshot brought other states back");

  // What changes goes from one pool to the other.
  const std::uint64_t mark = pool.streams().mark();
  if (random.between(0, 1) == 1) {  // The stamps begin again meanwhile.
    for (int i = 0; i < 5; ++i)
      pool.streams().search({static_cast<const std::int64_t*>(nullptr), Index{1} << 30}, nullptr, nullptr);
  }
  pool.drop(names.part(0, 10));
  states = random.normal(90 * model.program->record());
  pool.write(names.part(20, 30), states.data());
  pool.streams().add(names.part(5, 3));
  const std::vector<char> changes = saved(pool, header, {nullptr, mark});
  Reader changed = reader(changes, header);
  check(other.load(changed, header, 2).size() == 33, "other streams changed");
  check(saved(pool, header, {}).size() == saved(other, header, {}).size(), "a pool that follows has other streams");
  for (Index i = 0; i < 90; ++i) {
    const bool there = i >= 10 || (i >= 5 && i < 8);
    check(static_cast<bool>(other.streams().records().find(names[i])) == there, "a stream did not follow");
    if (!there) continue;
    Numbers first(static_cast<std::size_t>(model.program->record()));
    Numbers second(first.size());
    pool.read(names.part(i, 1), first.data());
    other.read(names.part(i, 1), second.data());
    check(first == second, "a state did not follow");
  }

  // Damage, with a checksum that is right all the same: refused, or other ids and numbers.
  for (int turn = 0; turn < 200; ++turn) {
    std::vector<char> bytes = changes;
    if (turn % 2 == 0) bytes.resize(static_cast<std::size_t>(random.between(80, static_cast<Index>(bytes.size()))));
    const Index end = std::min<Index>(static_cast<Index>(bytes.size()) - 1, 700);
    for (Index i = random.between(0, 3); i > 0 && end > 80; --i) {
      bytes[static_cast<std::size_t>(random.between(80, end))] = static_cast<char>(random.between(0, 255));
    }
    if (turn % 3 != 0 && bytes.size() > 84) {
      Crc32 crc;
      crc.add(bytes.data(), bytes.size() - 4);
      const std::uint32_t value = crc.value();
      std::memcpy(bytes.data() + bytes.size() - 4, &value, 4);
    }
    const Index before = other.streams().records().size();
    try {
      Reader damaged = reader(bytes, header);
      other.load(damaged, header, 2);
    } catch (const std::invalid_argument&) {
      check(other.streams().records().size() == before, "damaged bytes took effect in part");
    }
  }
}

// Ids that come and go, against a std::map; and which of the places of an id are its first, found by several threads.
void ids_and_slots(Random& random) {
  constexpr Index kIds = 700;
  // With few bits some of the names have one number, and another hash has to be drawn.
  Records records(1, 500, NameHash(0xffff));
  const Names names(2 * kIds);
  std::map<Index, bool> live;
  for (int turn = 0; turn < 200; ++turn) {
    for (Index i = random.between(0, 2 * kIds - 1), end = std::min(i + random.between(1, 40), 2 * kIds); i < end; ++i) {
      if (i % 3 != 0 && i > 90) continue;  // few names
      if (const Records::Entry entry = records.find(names[i])) {
        records.drop(entry.slot);
      } else if (records.size() < records.room()) {
        records.add(names[i], 7);
      } else {
        records.grow(records.room() + 1);
        continue;
      }
      live[i] = !live[i];
    }
    for (const auto& [i, there] : live) {
      const Records::Entry entry = records.find(names[i]);
      check(static_cast<bool>(entry) == there, "an id was lost, or one stayed");
      check(!entry || records.id(entry.slot) == names[i], "an id has another's slot");
    }
    if (turn % 50 == 0) check(records.copy()->size() == records.size(), "a copy has other streams");
  }

  Streams many(1, {kIds});
  std::vector<std::int64_t> all;
  for (Index i = 0; i < kIds; ++i) all.push_back(i * 7919);
  many.add({all.data(), kIds});
  for (int turn = 0; turn < 8; ++turn) {
    // Twice in the course of this, the stamps begin again.
    many.search({static_cast<const std::int64_t*>(nullptr), Index{1} << 30}, nullptr, nullptr);
    constexpr Index kParts = 4;
    constexpr Index kPart = 400;
    std::vector<std::int64_t> ids;
    for (Index i = 0; i < kParts * kPart; ++i) ids.push_back(random.between(0, kIds - 1) * 7919);
    std::vector<std::uint32_t> slots(ids.size());
    std::vector<std::uint32_t> before(ids.size());
    std::vector<std::uint32_t> stamps;
    for (const std::int64_t id : all) stamps.push_back(*many.records().find(Id(id)).stamp);
    auto search = many.search({ids.data(), kParts * kPart}, slots.data(), before.data());
    search.alone = false;
    std::vector<std::thread> threads;
    for (Index part = 0; part < kParts; ++part) {
      threads.emplace_back([&, part] { many.records().find_part(search, part * kPart, (part + 1) * kPart); });
    }
    for (std::thread& thread : threads) thread.join();
    std::map<std::int64_t, bool> seen;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto slot = static_cast<std::uint32_t>(ids[i] / 7919);
      check(slots[i] == (slot | (seen[ids[i]] ? Records::kAgain : 0)), "the first place of an id is another");
      seen[ids[i]] = true;
    }
    if (turn % 2 == 0) continue;
    many.records().undo(search);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::uint32_t stamp = *many.records().find(Id(all[i])).stamp;
      // Where the search made the stamps begin again, they are other ones in the same order.
      check(stamp == stamps[i] || stamp <= kIds, "a search that was taken back left a stamp");
    }
  }
  try {
    many.search({static_cast<const std::int64_t*>(nullptr), (Index{1} << 31) + 1}, nullptr, nullptr);
    check(false, "more ids than can be counted were taken");
  } catch (const std::invalid_argument&) {
  }
}

// A full pool that drops those not used for longest, against a list of them in order; while stamps begin again.
void least_recent(Random& random) {
  constexpr Index kMost = 200;
  const Names names(1000);
  Streams streams(2, {kMost, true});
  std::vector<Index> order;  // the least recent first
  std::vector<std::uint32_t> slots(1000);
  std::vector<std::uint32_t> before(1000);
  for (int turn = 0; turn < 400; ++turn) {
    if (turn % 40 == 0) streams.search({static_cast<const std::int64_t*>(nullptr), Index{1} << 30}, nullptr, nullptr);
    const Index first = random.between(0, 999);
    const Index count = std::min<Index>(random.between(1, turn % 10 == 0 ? 199 : 9), 1000 - first);
    const bool fails = random.between(0, 4) == 0;
    auto search = streams.search(names.part(first, count), slots.data(), before.data());
    search.through = true;
    streams.records().find_part(search, 0, count);
    {
      Streams::Change change(streams, search.stamp);
      change.add_missing(search);
      if (!fails) change.keep();
    }
    if (fails) {
      streams.records().undo(search);
    } else {
      for (Index i = first; i < first + count; ++i) {
        order.erase(std::remove(order.begin(), order.end(), i), order.end());
        order.push_back(i);
      }
      if (order.size() > kMost) order.erase(order.begin(), order.end() - kMost);
    }
    if (turn % 20 == 7) {
      const IdList gone = streams.drop(streams.oldest(3));
      for (Index i = 0; i < gone.size(); ++i)
        check(gone[i] == names[order[static_cast<std::size_t>(i)]], "another stream was dropped");
      order.erase(order.begin(), order.begin() + gone.size());
    }
    const std::vector<std::uint32_t> oldest = streams.oldest(1000);
    check(oldest.size() == order.size(), "a pool holds other streams than were used last");
    for (std::size_t i = 0; i < oldest.size(); ++i)
      check(streams.records().id(oldest[i]) == names[order[i]], "streams are in another order");
  }
  check(streams.drop(streams.idle(1e9)).size() == 0, "streams were idle before they came");
  check(streams.drop(streams.idle(0)).size() == static_cast<Index>(order.size()),
        "not all streams were idle for no time");
}

// Stamps and times, with a clock of its own.
void times(Random& random) {
  Uses uses;
  std::vector<double> given;  // by stamp - 1
  double now = 0;
  for (int i = 0; i < 40000; ++i) {
    now += std::exp(static_cast<double>(random.between(-90, 30)) / 10);
    uses.take(1, now);
    given.push_back(now);
  }
  for (const double age : {0.0, 1e-3, 0.1, 3.0, 100.0, 1e4, 1e5, 1e9}) {
    const std::uint32_t stamp = uses.before(age, now);
    for (std::size_t i = 0; i < given.size(); ++i) {
      const double was = now - given[i];
      check(i + 1 >= stamp || was >= age, "a stream was idle too early");
      check(i + 1 < stamp || was <= age + std::max(2e-3, age / 50), "a stream was idle too late");
    }
  }
}

// Saves go on beside pushes, and each is of one moment: all streams have taken the same steps.
void saves_beside_pushes(const std::shared_ptr<const Program>& program) {
  constexpr Index kStreams = 9000;
  const std::vector<char> header(80, 'h');
  Pool pool(program, {});
  std::vector<std::int64_t> ids;
  for (Index i = 0; i < kStreams; ++i) ids.push_back(i * 3);
  pool.streams().add({ids.data(), kStreams});
  std::atomic<bool> stop{false};
  std::thread pushing([&] {
    const Numbers ones(static_cast<std::size_t>(kStreams), 1.0F);
    Numbers sums(ones.size());
    const void* in = ones.data();
    float* out = sums.data();
    for (std::int64_t more = 0; !stop; ++more) {
      const std::lock_guard<ForkLock> hold(pool.lock());
      pool.push({ids.data(), kStreams}, &in, &out);
      const std::int64_t id = -1 - more;
      pool.streams().add({&id, 1});
      if (more > 0) pool.drop({std::vector<std::int64_t>{id + 1}.data(), 1});
    }
  });
  for (int turn = 0; turn < 30; ++turn) {
    const std::vector<char> bytes = saved(pool, header, {});
    Reader from = reader(bytes, header);
    const Saved streams = from.read(header, 2, 1, 16, 1 << 20);
    check(streams.streams->size() <= kStreams + 1 && streams.streams->size() >= kStreams, "a save has lost streams");
    const float first = *streams.streams->at(streams.streams->find(Id(std::int64_t{0})).slot);
    for (const std::int64_t id : ids) {
      const Records::Entry entry = streams.streams->find(Id(id));
      check(entry && *streams.streams->at(entry.slot) == first, "a save is of more than one moment");
    }
    check(pool.broken().size() == 0, "a stream is broken");
  }
  stop = true;
  pushing.join();
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
  saves_beside_pushes(program);
  Pool pool(program, {});
  std::vector<std::int64_t> all;
  for (Index i = 0; i < kStreams; ++i) all.push_back(i);
  pool.streams().add({all.data(), kStreams});
  Numbers sums(static_cast<std::size_t>(kStreams));
  set_threads(3);
  for (int turn = 0; turn < 24; ++turn) {
    memory = {static_cast<Lack>(turn % 4), 0};
    const Index count = random.between(1, turn < 12 ? 400 : 5000);
    const Index most = random.between(count / 2, kStreams - 1);
    std::vector<std::int64_t> ids;
    for (Index i = 0; i < count; ++i) ids.push_back(random.between(0, most));
    // Some that are not there yet, and are taken back where there is no memory.
    const bool coming = turn % 3 == 0;
    if (coming) ids.insert(ids.end(), {kStreams + turn, kStreams + turn, kStreams + turn + 100});
    const Numbers x(ids.size(), 1.0F);
    Numbers found(ids.size());
    const void* in = x.data();
    float* out = found.data();
    try {
      pool.push({ids.data(), static_cast<Index>(ids.size())}, &in, &out, Unknown::added);
      if (coming) {
        check(found[ids.size() - 2] == 2.0F && found[ids.size() - 1] == 1.0F, "new streams did not begin");
        pool.drop({ids.data() + ids.size() - 2, 2});
        ids.resize(ids.size() - 3);
      }
      check(memory.lack != Lack::here, "memory came from nowhere");
      for (std::size_t i = 0; i < ids.size(); ++i) {
        check(found[i] == (sums[static_cast<std::size_t>(ids[i])] += 1.0F), "streams did not advance in order");
      }
    } catch (const std::bad_alloc&) {
      check(memory.lack == Lack::here, "a push wanted more memory than its first block");
    }
    Numbers states(sums.size());
    pool.read({all.data(), kStreams}, states.data());
    check(states == sums, "a push took effect in part");
    check(pool.streams().records().size() == kStreams, "a push that failed left streams behind");
  }
  set_threads(0);
}

// Threads that share a model, and a pool under its lock.
void together(Random& random, const Model& model) {
  const Numbers x = random.normal(64 * model.inputs);
  Pool pool(model.program, {256});
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
        pool.streams().add({ids.data(), 64});
        pool.push({ids.data(), 64}, &in, &out);
        pool.drop({ids.data(), 64});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  check(pool.streams().records().size() == 0, "threads left streams behind");
}

void run(unsigned seed) {
  Random random(seed);
  const Model model(random, random.between(1, 20), random.between(1, 70));
  cut_anywhere(random, model);
  pool_of_streams(random, model);
  ids_and_slots(random);
  least_recent(random);
  times(random);
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
