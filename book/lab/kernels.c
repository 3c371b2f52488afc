// What the laboratory's network computes, for WebAssembly with SIMD and without a C library.
//
// Pictures and features are float32 with the channels last, (height, width, channels); numbers of channels are
// multiples of 8. `compile.py` builds this file twice: as it is, and with RELAXED, where a multiplication and an
// addition are one instruction. Nothing here allocates: the engine lays out the memory.
#include <wasm_simd128.h>

typedef v128_t four; // floats

#define EXPORT(name) __attribute__((export_name(#name)))
#define ROWS 4 // of a product at a time: with two vectors of columns they just fit the registers

#ifdef RELAXED
#define multiply_add(a, b, c) wasm_f32x4_relaxed_madd(a, b, c)
#else
#define multiply_add(a, b, c) wasm_f32x4_add(wasm_f32x4_mul(a, b), c)
#endif

static inline four load(const float *from) { return wasm_v128_load(from); }
static inline void store(float *to, four values) { wasm_v128_store(to, values); }
static inline four all(float value) { return wasm_f32x4_splat(value); }
static inline four relu6(four x) { return wasm_f32x4_pmin(wasm_f32x4_pmax(x, all(0)), all(6)); }
static inline int at_least(int value, int least) { return value < least ? least : value; }
static inline int at_most(int value, int most) { return value > most ? most : value; }

// y[places, out] = x[places, in] * weights + bias, then clipped to 0..6 if `clip`, then + skip[places, out].
// Rows of x lie `stride` floats apart; weights are panels of 8 columns, [out / 8][in][8]; bias and skip may be null.
EXPORT(product)
void product(const float *x, int stride, const float *weights, const float *bias, const float *skip, float *y,
             int places, int in, int out, int clip) {
  for (int place = 0; place < places; place += ROWS) {
    const int rows = at_most(places - place, ROWS);
    const float *row[ROWS];
    for (int r = 0; r < ROWS; r++) row[r] = x + (long)(place + at_most(r, rows - 1)) * stride;
    for (int column = 0; column < out; column += 8) {
      const float *weight = weights + (long)column * in;
      four left[ROWS], right[ROWS];
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        left[r] = bias ? load(bias + column) : all(0);
        right[r] = bias ? load(bias + column + 4) : all(0);
      }
      for (int i = 0; i < in; i++, weight += 8) {
        const four first = load(weight), second = load(weight + 4);
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
          const four value = wasm_v128_load32_splat(row[r] + i);
          left[r] = multiply_add(value, first, left[r]);
          right[r] = multiply_add(value, second, right[r]);
        }
      }
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        if (r >= rows) continue;
        const long at = (long)(place + r) * out + column;
        if (clip) left[r] = relu6(left[r]), right[r] = relu6(right[r]);
        if (skip) {
          left[r] = wasm_f32x4_add(left[r], load(skip + at));
          right[r] = wasm_f32x4_add(right[r], load(skip + at + 4));
        }
        store(y + at, left[r]);
        store(y + at + 4, right[r]);
      }
    }
  }
}

// Depthwise convolution, clipped to 0..6: x[height, width, channels] to y[high, wide, channels], one filter
// weights[size * size][channels] for each channel; `top` and `left` zeros stand before the picture.
EXPORT(depthwise)
void depthwise(const float *x, const float *weights, const float *bias, float *y, int height, int width, int channels,
               int size, int step, int top, int left, int high, int wide) {
  for (int i = 0; i < high; i++) {
    const int i0 = i * step - top, from_row = at_least(-i0, 0), to_row = at_most(height - i0, size);
    for (int j = 0; j < wide; j++) {
      const int j0 = j * step - left, from = at_least(-j0, 0), to = at_most(width - j0, size);
      float *out = y + ((long)i * wide + j) * channels;
      for (int c = 0; c < channels; c += 16) {
        const int parts = at_most((channels - c) / 4, 4);
        four sum[4] = {load(bias + c), load(bias + c + 4), parts > 2 ? load(bias + c + 8) : all(0),
                       parts > 2 ? load(bias + c + 12) : all(0)};
        for (int p = from_row; p < to_row; p++) {
          const float *in = x + ((long)(i0 + p) * width + j0 + from) * channels + c;
          const float *weight = weights + (long)(p * size + from) * channels + c;
          for (int q = from; q < to; q++, in += channels, weight += channels) {
            sum[0] = multiply_add(load(in), load(weight), sum[0]);
            sum[1] = multiply_add(load(in + 4), load(weight + 4), sum[1]);
            if (parts == 4) {
              sum[2] = multiply_add(load(in + 8), load(weight + 8), sum[2]);
              sum[3] = multiply_add(load(in + 12), load(weight + 12), sum[3]);
            }
          }
        }
        for (int part = 0; part < parts; part++) store(out + c + 4 * part, relu6(sum[part]));
      }
    }
  }
}

// The gradient of `depthwise` to its input: each place of dx gathers from the places of y that saw it. The gradient
// g[high, wide, channels] has been through `pass_where_live`.
EXPORT(depthwise_back)
void depthwise_back(const float *g, const float *weights, float *dx, int height, int width, int channels, int size,
                    int step, int top, int left, int high, int wide) {
  for (int i = 0; i < height; i++)
    for (int j = 0; j < width; j++) {
      float *out = dx + ((long)i * width + j) * channels;
      for (int c = 0; c < channels; c += 16) {
        const int parts = at_most((channels - c) / 4, 4);
        four sum[4] = {all(0), all(0), all(0), all(0)};
        for (int p = 0; p < size; p++) {
          const int down = i + top - p;
          if (down < 0 || down % step || down / step >= high) continue;
          for (int q = 0; q < size; q++) {
            const int across = j + left - q;
            if (across < 0 || across % step || across / step >= wide) continue;
            const float *in = g + ((long)(down / step) * wide + across / step) * channels + c;
            const float *weight = weights + (long)(p * size + q) * channels + c;
            sum[0] = multiply_add(load(in), load(weight), sum[0]);
            sum[1] = multiply_add(load(in + 4), load(weight + 4), sum[1]);
            if (parts == 4) {
              sum[2] = multiply_add(load(in + 8), load(weight + 8), sum[2]);
              sum[3] = multiply_add(load(in + 12), load(weight + 12), sum[3]);
            }
          }
        }
        for (int part = 0; part < parts; part++) store(out + c + 4 * part, sum[part]);
      }
    }
}

// g = 0 wherever the clipped output y stands at 0 or at 6, in place.
EXPORT(pass_where_live)
void pass_where_live(float *g, const float *y, int count) {
  for (int i = 0; i < count; i += 4) {
    const four value = load(y + i);
    const four live = wasm_v128_and(wasm_f32x4_gt(value, all(0)), wasm_f32x4_lt(value, all(6)));
    store(g + i, wasm_v128_and(load(g + i), live));
  }
}

EXPORT(add)
void add(float *to, const float *values, int count) {
  for (int i = 0; i < count; i += 4) store(to + i, wasm_f32x4_add(load(to + i), load(values + i)));
}

EXPORT(scale)
void scale(const float *values, float *to, int count, float by) {
  for (int i = 0; i < count; i += 4) store(to + i, wasm_f32x4_mul(load(values + i), all(by)));
}

EXPORT(sum_of_squares)
double sum_of_squares(const float *values, int count) {
  double sum = 0;
  for (int i = 0; i < count; i++) sum += (double)values[i] * values[i];
  return sum;
}

// Pixels x[height, width, 3] from 0 to 1 to rows of what each place of the first layer sees, as 2 x - 1, `stride`
// floats a row; outside of the picture stands 0.
EXPORT(unfold)
void unfold(const float *x, float *rows, int height, int width, int size, int step, int top, int left, int high,
            int wide, int stride) {
  for (int i = 0; i < high; i++)
    for (int j = 0; j < wide; j++) {
      float *row = rows + ((long)i * wide + j) * stride;
      for (int p = 0; p < size; p++)
        for (int q = 0; q < size; q++) {
          const int down = i * step - top + p, across = j * step - left + q;
          const int inside = down >= 0 && down < height && across >= 0 && across < width;
          const float *pixel = x + ((long)down * width + across) * 3;
          for (int c = 0; c < 3; c++) *row++ = inside ? 2 * pixel[c] - 1 : 0;
        }
    }
}

// The gradient of `unfold`: dx[height, width, 3].
EXPORT(unfold_back)
void unfold_back(const float *rows, float *dx, int height, int width, int size, int step, int top, int left, int high,
                 int wide, int stride) {
  for (long i = 0; i < (long)height * width * 3; i++) dx[i] = 0;
  for (int i = 0; i < high; i++)
    for (int j = 0; j < wide; j++) {
      const float *row = rows + ((long)i * wide + j) * stride;
      for (int p = 0; p < size; p++)
        for (int q = 0; q < size; q++, row += 3) {
          const int down = i * step - top + p, across = j * step - left + q;
          if (down < 0 || down >= height || across < 0 || across >= width) continue;
          float *pixel = dx + ((long)down * width + across) * 3;
          for (int c = 0; c < 3; c++) pixel[c] += 2 * row[c];
        }
    }
}

// The mean over all places, x[places, channels] to y[channels], and its gradient.
EXPORT(average)
void average(const float *x, float *y, int places, int channels) {
  for (int c = 0; c < channels; c += 4) {
    four sum = all(0);
    for (int p = 0; p < places; p++) sum = wasm_f32x4_add(sum, load(x + (long)p * channels + c));
    store(y + c, wasm_f32x4_mul(sum, all(1.0f / places)));
  }
}

EXPORT(average_back)
void average_back(const float *g, float *dx, int places, int channels) {
  for (int p = 0; p < places; p++) scale(g, dx + (long)p * channels, channels, 1.0f / places);
}
