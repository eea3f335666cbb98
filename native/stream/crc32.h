// CRC-32 as in zlib and IEEE 802.3, eight bytes at a time (M. Kounavis and F. Berry, 2005).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace gatewise::stream {

class Crc32 {
 public:
  void add(const void* data, std::size_t bytes) {
    static const Table table = make_table();
    const auto* at = static_cast<const unsigned char*>(data);
    std::uint32_t crc = ~value_;
    for (; bytes >= 8; bytes -= 8, at += 8) {
      std::uint32_t low = 0;
      std::uint32_t high = 0;
      std::memcpy(&low, at, 4);
      std::memcpy(&high, at + 4, 4);
      low ^= crc;
      crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24] ^
            table[3][high & 255] ^ table[2][high >> 8 & 255] ^ table[1][high >> 16 & 255] ^ table[0][high >> 24];
    }
    for (; bytes != 0; --bytes, ++at) crc = crc >> 8 ^ table[0][(crc ^ *at) & 255];
    value_ = ~crc;
  }

  std::uint32_t value() const { return value_; }

 private:
  using Table = std::array<std::array<std::uint32_t, 256>, 8>;

  static Table make_table() {
    Table table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
      table[0][i] = crc;
    }
    for (std::size_t k = 1; k < 8; ++k) {
      for (std::size_t i = 0; i < 256; ++i) table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
    }
    return table;
  }

  std::uint32_t value_ = 0;
};

}  // namespace gatewise::stream
