// What streams are called: integers of 64 bits, and names, which are text (in UTF-8) or bytes. 7, "7" and b"7" are
// three.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/index.h"

namespace gatewise::stream {

// The numbers are those of saved pools.
enum class Kind : std::uint8_t { integer = 0, text = 1, bytes = 2 };

// An id; the letters of a name belong to somebody else.
struct Id {
  static constexpr std::size_t kLongest = 0xffff;  // letters of a name, in bytes

  Id() = default;
  explicit Id(std::int64_t value) : number(value) {}
  Id(Kind what, const char* name, std::size_t length)
      : kind(what), size(static_cast<std::uint32_t>(length)), letters(name) {}

  bool operator==(const Id& other) const {
    if (kind != other.kind) return false;
    if (kind == Kind::integer) return number == other.number;
    return size == other.size && std::memcmp(letters, other.letters, size) == 0;
  }

  // As Python writes it, cut where it is long.
  std::string shown() const;

  Kind kind = Kind::integer;
  std::uint32_t size = 0;  // bytes of a name
  union {
    std::int64_t number = 0;
    const char* letters;
  };
};

// The ids of a call, which belong to the caller: integers side by side, or some of any kind.
class Ids {
 public:
  Ids(const std::int64_t* numbers, Index count) : numbers_(numbers), count_(count) {}
  Ids(const Id* any, Index count) : any_(any), count_(count) {}

  Index size() const { return count_; }
  bool all_numbers() const { return any_ == nullptr; }
  const std::int64_t* numbers() const { return numbers_; }
  const Id* any() const { return any_; }
  Id operator[](Index i) const { return all_numbers() ? Id(numbers_[i]) : any_[i]; }

 private:
  const std::int64_t* numbers_ = nullptr;
  const Id* any_ = nullptr;
  Index count_ = 0;
};

// Ids that a list keeps itself, with the letters of their names.
class IdList {
 public:
  // Takes memory for so many more.
  void expect(std::size_t ids, std::size_t letters) {
    if (const std::size_t wanted = entries_.size() + ids; wanted > entries_.capacity()) entries_.reserve(2 * wanted);
    if (const std::size_t wanted = letters_.size() + letters; wanted > letters_.capacity())
      letters_.reserve(2 * wanted);
  }

  // After an exception the list is as it was.
  void add(const Id& id) {
    expect(1, id.size);
    const bool number = id.kind == Kind::integer;
    entries_.push_back({id.kind, id.size, number ? id.number : static_cast<std::int64_t>(letters_.size())});
    if (number) return;
    letters_.append(id.letters, id.size);
    ++names_;
  }

  Index size() const { return static_cast<Index>(entries_.size()); }
  std::size_t letters() const { return letters_.size(); }
  bool all_numbers() const { return names_ == 0; }
  Id operator[](Index i) const {
    const Entry& entry = entries_[static_cast<std::size_t>(i)];
    if (entry.kind == Kind::integer) return Id(entry.number);
    return {entry.kind, letters_.data() + entry.number, entry.size};
  }

  void clear() {
    entries_.clear();
    letters_.clear();
    names_ = 0;
  }

 private:
  struct Entry {
    Kind kind;
    std::uint32_t size;
    std::int64_t number;  // or where the letters begin
  };

  std::vector<Entry> entries_;
  std::string letters_;
  Index names_ = 0;
};

}  // namespace gatewise::stream
