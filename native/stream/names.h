// Names of streams as a pool keeps them, and the numbers by which it finds them.
#pragma once

#include <cstdlib>
#include <memory>
#include <new>

#include "stream/ids.h"

namespace gatewise::stream {

// A name in memory of its own: what stands in the place of a number where an id is none.
struct Name {
  std::uint32_t size;
  Kind kind;

  const char* letters() const { return reinterpret_cast<const char*>(this + 1); }
  Id id() const { return {kind, letters(), size}; }

  static Name* make(const Id& id) {
    void* memory = std::malloc(sizeof(Name) + id.size);
    if (memory == nullptr) throw std::bad_alloc();
    auto* name = new (memory) Name{id.size, id.kind};
    std::memcpy(name + 1, id.letters, id.size);
    return name;
  }

  struct Free {
    void operator()(Name* name) const { std::free(name); }
  };
};

using OwnName = std::unique_ptr<Name, Name::Free>;

// SipHash-1-3 (J.-P. Aumasson and D. J. Bernstein, 2012) under a key drawn at random: names come from outside, and
// nobody who chooses them shall know which have the same number.
class NameHash {
 public:
  // Draws a key. Numbers have the bits of `mask`: for tests of what happens where two names have the same.
  explicit NameHash(std::uint64_t mask = UINT64_MAX);
  NameHash another() const { return NameHash(mask_); }

  std::int64_t operator()(const Id& id) const {
    State state{keys_[0] ^ 0x736f6d6570736575U, keys_[1] ^ 0x646f72616e646f6dU, keys_[0] ^ 0x6c7967656e657261U,
                keys_[1] ^ 0x7465646279746573U};
    const char* at = id.letters;
    std::size_t left = id.size;
    for (; left >= 8; left -= 8, at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, at, 8);
      state.take(word);
    }
    std::uint64_t last = 0;
    std::memcpy(&last, at, left);
    // The kind is a part of the name; the length keeps names apart that end in zeros.
    state.take(last | static_cast<std::uint64_t>(id.size * 4 + static_cast<std::uint32_t>(id.kind)) << 56);
    return static_cast<std::int64_t>(state.end() & mask_);
  }

 private:
  struct State {
    std::uint64_t a, b, c, d;

    static std::uint64_t turned(std::uint64_t x, int by) { return x << by | x >> (64 - by); }

    void round() {
      a += b, b = turned(b, 13) ^ a, a = turned(a, 32);
      c += d, d = turned(d, 16) ^ c;
      a += d, d = turned(d, 21) ^ a;
      c += b, b = turned(b, 17) ^ c, c = turned(c, 32);
    }
    void take(std::uint64_t word) {
      d ^= word;
      round();
      a ^= word;
    }
    std::uint64_t end() {
      c ^= 0xff;
      round(), round(), round();
      return a ^ b ^ c ^ d;
    }
  };

  std::uint64_t mask_;
  std::uint64_t keys_[2];
};

}  // namespace gatewise::stream
