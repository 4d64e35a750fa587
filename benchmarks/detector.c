/* The arithmetic of legmon/detection/kernel.py and quality.py in C, to see what the compiled Python costs beside it.

It works in the same passes and in the same order, so the bits are the same: compile it with -ffp-contract=off. Three axes are
one vector here too (GCC and Clang). benchmarks/detector.py writes constants.h: the constants of kernel.py, and those of quality.py
with a Q before a name that begins with _. What the functions answer stands in the two modules. */

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "constants.h"

typedef double axes __attribute__((vector_size(32)));
typedef int64_t mask __attribute__((vector_size(32)));

static inline axes load(const double *a) { return (axes){a[0], a[1], a[2], 0.0}; }
static inline axes thrice(double a) { return (axes){a, a, a, a}; }
static inline double total(axes v) { return v[0] + v[1] + v[2]; }
static inline axes choose(mask m, axes a, axes b) { return (axes)((m & (mask)a) | (~m & (mask)b)); }
static inline axes larger(axes a, axes b) { return choose(a > b, a, b); }
static inline double max(double a, double b) { return a > b ? a : b; }
static inline double min(double a, double b) { return a < b ? a : b; }
static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

static inline void store(axes v, double *a) {
    for (int k = 0; k < 3; k++) a[k] = v[k];
}

static inline double *row_of(double *ring, int64_t at) { return ring + (at & MASK) * WIDTH; }

/* quality.py */

static double patience(const double *p, const int64_t *i, int64_t more) {
    int64_t steps = i[Q_STEPS], big = i[Q_BIG] + more;
    if ((double)(steps + more) < p[Q_LEARN] || i[Q_SQUARES] >= 10 * (steps + more)) return p[Q_LATE];
    if ((double)big > 0.4 * (double)steps) return p[Q_SOON];
    return (double)big > 0.05 * (double)steps ? p[Q_LATER] : p[Q_LATE];
}

static void note(int64_t *notes, int64_t *i, int64_t what, int64_t first, int64_t count) {
    int64_t *one = notes + 3 * i[Q_NOTES]++;
    one[0] = what, one[1] = first, one[2] = count;
}

static bool add_ordinary(const double *x, int64_t first, int64_t end, const double *p, double *s, int64_t *i) {
    bool was_clipped = i[Q_CLIP_LAST] >= 0 && (double)(i[Q_N] - i[Q_CLIP_LAST]) <= p[Q_JOIN];
    if (was_clipped || i[Q_CODE] > 0 || i[Q_AWAY] >= 0) return false;
    double smallest = s[Q_STEP] > FINEST_G ? s[Q_STEP] : 0.0, large = 1.5 * s[Q_STEP], rail = p[Q_RAIL_G];
    const double *now = x + 3 * first, *before = now - 3;
    int64_t count = end - first, odd = 0, big = 0;
    for (int64_t j = 0; j < 3 * count; j++) {
        double step = fabs(now[j] - before[j]);
        odd += ((step > 0.0) & (step < smallest)) | (step > SPIKE_G) | (fabs(now[j]) >= rail);
        big += step > large;
    }
    if (odd > 0) return false;
    axes began = {(double)i[Q_RUN], (double)i[Q_RUN + 1], (double)i[Q_RUN + 2], 0.0};
    axes run = began, longest = began, places = thrice(0.0), last = load(x + 3 * first - 3);
    for (int64_t r = first; r < end; r++) {
        axes v = load(x + 3 * r);
        run = choose(v == last, run + 1.0, thrice(1.0));
        places = places + run;
        longest = larger(longest, run);
        last = v;
    }
    int64_t steps = (int64_t)total(began);
    if (max(max(longest[0], longest[1]), longest[2]) > patience(p, i, steps + 3 * count)) return false;
    i[Q_SQUARES] += (int64_t)(2.0 * total(places) + total(began * began) - total(run * run)) - 3 * count;
    i[Q_STEPS] += steps + 3 * count - (int64_t)total(run);
    for (int k = 0; k < 3; k++) i[Q_RUN + k] = (int64_t)run[k];
    store(last, s + Q_LAST);
    store(last, s + Q_GOOD);
    i[Q_BIG] += big;
    i[Q_N] += count;
    i[Q_RELEASED] = most(i[Q_RELEASED], i[Q_N] - (int64_t)p[Q_DELAY]);
    return true;
}

static void add_one(double *waiting, int64_t at, const double *p, double *s, int64_t *i, int64_t *notes) {
    const double *v = waiting + 3 * at;
    int64_t n = i[Q_N];
    double rail = p[Q_RAIL_G], enough = patience(p, i, 0);
    for (int k = 0; k < 3; k++) {
        double step = fabs(v[k] - s[Q_LAST + k]);
        if (i[Q_RUN + k] > 0 && step == 0.0) {
            i[Q_RUN + k]++;
            continue;
        }
        if (i[Q_RUN + k] > 0) {
            s[Q_STEP] = max(min(s[Q_STEP], step), FINEST_G);
            if ((double)i[Q_RUN + k] <= enough) {
                i[Q_STEPS] += i[Q_RUN + k];
                i[Q_SQUARES] += i[Q_RUN + k] * i[Q_RUN + k];
                i[Q_BIG] += step > 1.5 * s[Q_STEP];
            }
        }
        i[Q_RUN + k] = 1;
        s[Q_LAST + k] = v[k];
    }
    double jump = 0.0;
    bool at_rail = false;
    for (int k = 0; k < 3; k++) {
        jump = max(jump, fabs(v[k] - s[Q_GOOD + k]));
        at_rail |= fabs(v[k]) >= rail;
    }
    if (at_rail) {
        note(notes, i, Q_AT_RAIL, n, 1);
        if (i[Q_CLIP_LAST] < 0 || (double)(n - i[Q_CLIP_LAST]) > p[Q_JOIN]) i[Q_CLIP_FIRST] = n;
        i[Q_CLIP_LAST] = n;
    }
    bool out_now = jump > SPIKE_G || (at_rail && jump > SPIKE_RANGE * rail);
    if (i[Q_AWAY] >= 0) {
        if (jump < SPIKE_BACK * s[Q_JUMP]) {
            i[Q_SPIKES] += n - i[Q_AWAY];
            note(notes, i, Q_REPLACED, i[Q_AWAY], n - i[Q_AWAY]);
            for (int64_t q = most(i[Q_AWAY], i[Q_RELEASED]); q < n; q++)
                memcpy(waiting + 3 * (at - n + q), s + Q_GOOD, 3 * sizeof(double));
            i[Q_AWAY] = -1;
        } else if ((double)(n - i[Q_AWAY]) >= p[Q_SPIKE]) {
            i[Q_AWAY] = -1;
        }
        s[Q_JUMP] = max(s[Q_JUMP], jump);
    } else if (out_now && n > i[Q_FIRST]) {
        i[Q_AWAY] = n;
        s[Q_JUMP] = jump;
    }
    if (i[Q_AWAY] < 0) memcpy(s + Q_GOOD, v, 3 * sizeof(double));
    int64_t shortest = least(least(i[Q_RUN], i[Q_RUN + 1]), i[Q_RUN + 2]);
    int64_t longest = most(most(i[Q_RUN], i[Q_RUN + 1]), i[Q_RUN + 2]);
    int64_t code = 0, first = n;
    bool is_clipped = i[Q_CLIP_LAST] >= 0 && (double)(n - i[Q_CLIP_LAST]) <= p[Q_JOIN];
    if (is_clipped && (double)(i[Q_CLIP_LAST] - i[Q_CLIP_FIRST]) >= p[Q_SOON])
        code = 3, first = i[Q_CLIP_FIRST];
    else if ((double)shortest > enough)
        code = 1, first = n - shortest + 1;
    else if ((double)longest > enough && enough < p[Q_LATE] && (double)(2 * shortest) < enough && !is_clipped)
        code = 2, first = n - longest + 1;
    if (i[Q_CODE] == 0 && code > 0) {
        i[Q_CODE] = code;
        i[Q_FIRST] = most(first, i[Q_RELEASED]);
    } else if (i[Q_CODE] > 0 && code == 0) {
        note(notes, i, i[Q_CODE], i[Q_FIRST], n - i[Q_FIRST]);
        i[Q_CODE] = 0;
        i[Q_RELEASED] = i[Q_FIRST] = n;
        i[Q_AWAY] = -1;
        memcpy(s + Q_GOOD, v, 3 * sizeof(double));
    }
    i[Q_N] = n + 1;
    i[Q_RELEASED] = i[Q_CODE] > 0 ? n + 1 : most(i[Q_RELEASED], i[Q_N] - (int64_t)p[Q_DELAY]);
}

void quality(double *waiting, int64_t size, int64_t new, const double *p, double *s, int64_t *i, int64_t *notes) {
    i[Q_NOTES] = 0;
    for (int64_t first = new, end = least(new + 1, size); first < size; first = end, end = least(end + Q_BLOCK, size)) {
        if (first > new && add_ordinary(waiting, first, end, p, s, i)) continue;
        for (int64_t at = first; at < end; at++) add_one(waiting, at, p, s, i, notes);
    }
}

/* kernel.py: a bout and its edges */

static double edge_of(const double *p, double *s, int64_t *i) {
    double noise = p[EDGE_FACTOR] * s[MOTION_FLOOR], wide = p[HALF];
    if (noise > p[EDGE_LEAST]) {
        double ratio = noise / p[EDGE_LEAST];
        wide = min(p[HALF] * (ratio * ratio), p[HALF_MOST]);
    }
    i[WIDE] = (int64_t)wide;
    return max(p[EDGE_LEAST], noise * sqrt(p[HALF] / wide));
}

static double away(double *ring, int64_t at, int64_t newest, int64_t half, const double *ref) {
    int64_t last = least(at + half, newest);
    axes added = thrice(0.0);
    for (int64_t j = at - half; j <= last; j++) added = added + load(row_of(ring, j) + RAW);
    axes off = added / (double)(last - (at - half) + 1) - load(ref);
    return sqrt(total(off * off));
}

static double between(const double *a, const double *b) {
    axes way = load(a) - load(b);
    return sqrt(total(way * way));
}

static axes light(double *ring, int64_t q) { return load(row_of(ring, q) + LIGHT); }

static bool stays_away(double *ring, int64_t start, int64_t end, const double *s) {
    int64_t quarter = (end + 1 - start) / 4, count = end + 1 - start - 2 * quarter;
    double far = 0.0, square = 0.0;
    for (int k = 0; k < 3; k++) {
        double sum = 0.0;
        for (int64_t q = start + quarter; q < end + 1 - quarter; q++) {
            double d = row_of(ring, q)[LIGHT + k] - s[BEFORE_V + k];
            sum += d;
            square += d * d;
        }
        far += (sum / (double)count) * (sum / (double)count);
    }
    return far > 0.5 * square / (double)count;
}

static double turn_of(double *ring, const double *p, double *s, int64_t start, int64_t end, int64_t newest) {
    int64_t box = (int64_t)p[BOX], half = box / 2;
    axes before = load(s + BEFORE_V), far = thrice(0.0), added = thrice(0.0);
    double farthest = 0.0;
    for (int64_t q = start - half; q < start - half + box; q++) added = added + light(ring, least(q, newest));
    for (int64_t q = start; q <= end; q++) {
        axes turn = added / (double)box - before;
        double square = total(turn * turn);
        if (square > farthest) farthest = square, far = turn;
        added = added + light(ring, least(q - half + box, newest));
        added = added - light(ring, q - half);
    }
    store(far, s + FAR_V);
    return sqrt(farthest);
}

static double sided_of(double *ring, const double *s, int64_t start, int64_t end) {
    int64_t count = end + 1 - start;
    double mean = 0.0, square = 1e-18;
    for (int k = 0; k < 3; k++) {
        double sum = 0.0;
        for (int64_t q = start; q <= end; q++) {
            double d = row_of(ring, q)[LIGHT + k] - s[BEFORE_V + k];
            sum += d;
            square += d * d;
        }
        mean += (sum / (double)count) * (sum / (double)count);
    }
    return sqrt(mean / (square / (double)count));
}

static int64_t swings_of(double *ring, const double *s, int64_t start, int64_t end) {
    axes before = load(s + BEFORE_V), far = light(ring, start) - before;
    double farthest = 0.0;
    for (int64_t q = start; q <= end; q++) {
        axes off = light(ring, q) - before;
        double square = total(off * off);
        if (square > farthest) farthest = square, far = off;
    }
    int64_t swings = 0;
    int side = 0;
    for (int64_t q = start; q <= end; q++) {
        double along = total((light(ring, q) - before) * far);
        int now = along > 0.3 * farthest ? 1 : along < -0.3 * farthest ? -1 : 0;
        if (now != 0 && now != side) swings++, side = now;
    }
    return swings;
}

static double held_of(double *ring, const double *p, const double *s, int64_t start, int64_t end, int64_t newest, double turn) {
    int64_t half = (int64_t)p[HALF], quarter = (end + 1 - start) / 4;
    axes before = load(s + BEFORE_V), far = load(s + FAR_V);
    double lowest = turn;
    for (int64_t q = start + quarter; q <= end - quarter; q++) {
        axes added = thrice(0.0);
        for (int64_t j = q - half; j <= q + half; j++) added = added + light(ring, least(j, newest));
        double along = total((added / (double)(2 * half + 1) - before) * far);
        lowest = min(lowest, along / (turn + 1e-12));
    }
    return lowest / (turn + 1e-12);
}

static int64_t returns_of(double *ring, const double *s, int64_t start, int64_t end) {
    axes before = load(s + BEFORE_V);
    double farthest = 0.0;
    for (int64_t q = start; q <= end; q++) {
        axes off = light(ring, q) - before;
        farthest = max(farthest, total(off * off));
    }
    int64_t returns = 0;
    bool out = false;
    for (int64_t q = start; q <= end; q++) {
        axes off = light(ring, q) - before;
        double square = total(off * off);
        if (out && square < 0.0625 * farthest)
            returns++, out = false;
        else if (!out && square > 0.16 * farthest)
            out = true;
    }
    return returns;
}

static void describe(double *ring, const double *p, double *s, int64_t start, int64_t end, int64_t newest, double *row) {
    double changes = 0.0, squares = 1e-12;
    for (int64_t q = start; q <= end; q++) {
        const double *now = row_of(ring, q) + LIGHT, *last = row_of(ring, q - 1) + LIGHT;
        for (int k = 0; k < 3; k++) {
            changes += (now[k] - last[k]) * (now[k] - last[k]);
            squares += (now[k] - s[BEFORE_V + k]) * (now[k] - s[BEFORE_V + k]);
        }
    }
    double turn = turn_of(ring, p, s, start, end, newest);
    row[OUT_HZ] = sqrt(changes / squares);
    row[OUT_POWER] = sqrt(changes / (double)(end + 1 - start + 1));
    row[OUT_RETURNS] = stays_away(ring, start, end, s) ? 0.0 : (double)returns_of(ring, s, start, end);
    row[OUT_TURN] = turn;
    row[OUT_SIDED] = sided_of(ring, s, start, end);
    row[OUT_SWINGS] = (double)swings_of(ring, s, start, end);
    row[OUT_HELD] = held_of(ring, p, s, start, end, newest, turn);
}

static int64_t end_of(double *ring, const double *p, double *s, int64_t *i, int64_t start) {
    int64_t at = i[INDEX], half = (int64_t)p[HALF], end = at;
    double edge = edge_of(p, s, i);
    while (end > start && away(ring, end, at, i[WIDE], s + AFTER_V) <= edge) end--;
    if (i[WIDE] > half) {
        int64_t narrow = end, lowest = most(start, end - 2 * i[WIDE]);
        double noise = p[EDGE_FACTOR] * s[MOTION_FLOOR];
        while (narrow > lowest && away(ring, narrow, at, half, s + AFTER_V) <= noise) narrow--;
        if (narrow > lowest) end = narrow, i[WIDE] = half;
    }
    return end;
}

static bool drifts(double *ring, const double *p, int64_t at) {
    int64_t lag = (int64_t)p[DRIFT];
    const double *now = row_of(ring, at), *before = row_of(ring, at - lag), *long_before = row_of(ring, at - 2 * lag);
    double along = 0.0, square = 1e-12;
    for (int k = SLOWLY; k < SLOWLY + 3; k++) {
        double d = now[k] - before[k];
        along += d * (before[k] - long_before[k]);
        square += d * d;
    }
    return along > p[DRIFT_SHARE] * square;
}

static int64_t begin_of(double *ring, const double *p, double *s, int64_t *i) {
    int64_t at = i[INDEX], half = (int64_t)p[HALF], first = at, calm = 0;
    double edge = edge_of(p, s, i);
    int64_t lowest = most(i[LIMIT], at - (int64_t)p[LOOK_BACK]);
    for (int64_t q = at; q > lowest && (double)calm < p[CALM]; q--) {
        if (away(ring, q, at, i[WIDE], s + REST_V) > edge)
            first = q, calm = 0;
        else
            calm++;
    }
    if (i[WIDE] > half) {
        int64_t narrow = first, highest = least(at, first + 2 * i[WIDE]);
        double noise = p[EDGE_FACTOR] * s[MOTION_FLOOR];
        while (narrow < highest && away(ring, narrow, at, half, s + REST_V) <= noise) narrow++;
        if (narrow < highest) first = narrow, i[WIDE] = half;
    }
    return first;
}

static void close_bout(double *ring, const double *p, double *s, int64_t *i, double *row) {
    int64_t at = i[INDEX], still = (int64_t)(0.6 * p[QUIET]);
    axes added = thrice(0.0);
    for (int64_t j = 0; j < still; j++) added = added + light(ring, at - j);
    store(added / (double)still, s + AFTER_V);
    int64_t start = most(i[FIRST], at - RING + 2 + (int64_t)max(p[BOX], p[HALF_MOST]));
    int64_t end = end_of(ring, p, s, i, start);
    row[OUT_FIRST] = (double)i[FIRST];
    row[OUT_END] = (double)(end + 1);
    row[OUT_WIDE_FIRST] = (double)(i[WIDE_FIRST] - (int64_t)p[HALF]);
    row[OUT_WIDE_END] = (double)(i[WIDE] - (int64_t)p[HALF]);
    row[OUT_PEAK] = s[PEAK];
    row[OUT_FLOOR] = s[TURN_FLOOR];
    describe(ring, p, s, start, end, at, row);
    memcpy(row + OUT_BEFORE, s + BEFORE_V, 3 * sizeof(double));
    memcpy(row + OUT_AFTER, s + AFTER_V, 3 * sizeof(double));
    double moved = between(s + AFTER_V, s + BEFORE_V);
    if (s[DISPLACED] > 0.0 && between(s + AFTER_V, s + ORIGIN_V) < p[HELD_BACK] * s[DISPLACED]) {
        s[DISPLACED] = 0.0;
    } else if (moved > max(p[HELD_LEAST], p[HELD_FACTOR] * s[TURN_FLOOR])) {
        s[DISPLACED] = moved;
        i[HELD_UNTIL] = at + (int64_t)p[HELD];
        memcpy(s + ORIGIN_V, s + BEFORE_V, 3 * sizeof(double));
    }
    i[ACTIVE] = 0;
    i[RESTING] = at - still;
    i[LIMIT] = at - (int64_t)(0.5 * p[QUIET]);
    memcpy(s + REST_V, s + AFTER_V, 3 * sizeof(double));
}

/* kernel.py: the loop over samples */

static void start(const double *x, const double *p, double *s, int64_t *i, double *ring) {
    axes v = load(x);
    store(-p[HP_B0] * v, s + HP1);
    store(p[HP_B2] * v, s + HP2);
    store(v - v, s + BP1);
    store(v - v, s + BP2);
    store(v - p[LP_B0] * v, s + LP1);
    store((p[LP_B2] - p[LP_A2]) * v, s + LP2);
    store(v, s + SLOW_V);
    store(v, s + STEADY_V);
    store(v, s + REST_V);
    store(v, s + LAST_V);
    for (int64_t j = i[INDEX] - RING; j < i[INDEX]; j++) {
        double *row = row_of(ring, j);
        store(v, row + LIGHT);
        store(v, row + SLOWLY);
        store(v, row + RAW);
    }
    s[ENERGY] = s[DISPLACED] = 0.0;
    i[STARTED] = 1;
    i[RESTING] = i[LIMIT] = i[INDEX];
}

static int64_t step_of_chip(const double *x, int64_t first, int64_t end, double *s) {
    for (int k = 0; k < 3; k++) {
        double step = fabs(x[3 * first + k] - s[LAST_V + k]);
        if (step > NO_STEP) s[GRAIN] = min(s[GRAIN], step);
    }
    double grain = s[GRAIN];
    int64_t smaller = 0;
    for (int64_t j = 3 * first + 3; j < 3 * end; j++) {
        double step = fabs(x[j] - x[j - 3]);
        smaller += (step > NO_STEP) & (step < grain);
    }
    for (int64_t j = 3 * first + 3; smaller > 0 && j < 3 * end; j++) {
        double step = fabs(x[j] - x[j - 3]);
        if (step > NO_STEP && step < grain) return j / 3;
    }
    return end;
}

static void filter(const double *x, int64_t first, int64_t end, const double *p, double *s, const int64_t *i, double *ring) {
    double hp_b0 = p[HP_B0], hp_b1 = p[HP_B1], hp_b2 = p[HP_B2], hp_a1 = p[HP_A1], hp_a2 = p[HP_A2];
    double lp_b0 = p[LP_B0], lp_b1 = p[LP_B1], lp_b2 = p[LP_B2], lp_a1 = p[LP_A1], lp_a2 = p[LP_A2];
    double share_slow = p[SLOW], share_steady = p[STEADY], share_smooth = p[SMOOTH], energy = s[ENERGY];
    axes hp1 = load(s + HP1), hp2 = load(s + HP2), bp1 = load(s + BP1), bp2 = load(s + BP2);
    axes lp1 = load(s + LP1), lp2 = load(s + LP2), slow = load(s + SLOW_V), steady = load(s + STEADY_V);
    int64_t lag = (int64_t)p[SPEED_LAG], at = i[INDEX];
    for (int64_t r = first; r < end; r++, at++) {
        axes v = load(x + 3 * r);
        axes high = hp_b0 * v + hp1;
        hp1 = hp_b1 * v - hp_a1 * high + hp2;
        hp2 = hp_b2 * v - hp_a2 * high;
        axes band = lp_b0 * high + bp1;
        bp1 = lp_b1 * high - lp_a1 * band + bp2;
        bp2 = lp_b2 * high - lp_a2 * band;
        axes light = lp_b0 * v + lp1;
        lp1 = lp_b1 * v - lp_a1 * light + lp2;
        lp2 = lp_b2 * v - lp_a2 * light;
        slow = slow + share_slow * (light - slow);
        steady = steady + share_steady * (slow - steady);
        energy += share_smooth * (total(band * band) - energy);
        axes turned = slow - load(row_of(ring, at - lag) + SLOWLY);
        double *row = row_of(ring, at);
        store(light, row + LIGHT);
        store(slow, row + SLOWLY);
        store(v, row + RAW);
        store(steady, row + STEADILY);
        row[MOTION] = sqrt(energy);
        row[SPEED] = sqrt(total(turned * turned));
    }
    store(hp1, s + HP1);
    store(hp2, s + HP2);
    store(bp1, s + BP1);
    store(bp2, s + BP2);
    store(lp1, s + LP1);
    store(lp2, s + LP2);
    store(slow, s + SLOW_V);
    store(steady, s + STEADY_V);
    store(load(x + 3 * (end - 1)), s + LAST_V);
    s[ENERGY] = energy;
}

static inline axes floors_after(axes floors, axes signals, axes rise, axes fall, axes fall_fast) {
    axes higher = larger(floors * rise, thrice(FLOOR_LEAST)), lower = larger(floors * fall, thrice(FLOOR_LEAST));
    axes lowest = larger(floors * fall_fast, thrice(FLOOR_LEAST));
    return choose(signals > floors, higher, choose(floors > 2.0 * signals, lowest, lower));
}

static void open_bout(double *ring, const double *p, double *s, int64_t *i) {
    const double *row = row_of(ring, i[INDEX]);
    i[FIRST] = begin_of(ring, p, s, i);
    i[WIDE_FIRST] = i[WIDE];
    i[ACTIVE] = 1;
    i[LAST] = i[HUM_SINCE] = i[INDEX];
    i[HUM_PAUSED] = 0;
    i[WANDERED] = 0;
    s[HUM_MOTION] = s[HUM_SPEED] = 0.0;
    memcpy(s + HUM_V, row + STEADILY, 3 * sizeof(double));
    memcpy(s + BEFORE_V, s + REST_V, 3 * sizeof(double));
    s[MOTION_PEAK] = row[MOTION];
    s[SPEED_PEAK] = row[SPEED];
    s[PEAK] = 0.0;
    for (int64_t q = i[FIRST]; q <= i[INDEX]; q++)
        s[PEAK] = max(s[PEAK], between(row_of(ring, q) + LIGHT, s + REST_V));
}

static void rest_until(double *ring, const double *p, double *s, int64_t *i, int64_t until) {
    int64_t at = i[INDEX], resting = i[RESTING], settled = resting + (int64_t)(1.0 / p[REST]) + 1;
    double grain_on = s[GRAIN] < p[GRAIN_MOST] ? p[GRAIN_ON] * s[GRAIN] : 0.0;
    double up = 1.0 + p[FLOOR_STEP], down = 1.0 - p[FLOOR_STEP], displaced = s[DISPLACED];
    axes factors = {p[ON_FACTOR], 0.0, p[TURN_FACTOR], 0.0};
    axes lowest = {max(p[ON_LEAST], grain_on), 0.0, max(p[TURN_LEAST], grain_on), 0.0};
    axes fall_fast = {1.0 - 3.0 * p[FLOOR_STEP], down, down, 0.0};
    axes floors = load(s + FLOORS), rest = load(s + REST_V), held = load(s + AFTER_V);
    axes way_back = load(s + ORIGIN_V) - held;
    bool is_open = false;
    for (; at < until && !is_open; at++) {
        const double *row = row_of(ring, at);
        axes steady = load(row + STEADILY), off = steady - rest;
        double motion = row[MOTION], turn = sqrt(total(off * off));
        axes on = larger(factors * floors, lowest);
        floors = floors_after(floors, (axes){motion, row[SPEED], turn, 0.0}, thrice(up), thrice(down), fall_fast);
        bool returned = false;
        if (displaced > 0.0) {
            if (at > i[HELD_UNTIL]) {
                displaced = 0.0;
            } else if (total((steady - held) * way_back) >
                       displaced * max(p[HELD_BACK] * displaced, p[HELD_FACTOR] * floors[2])) {
                returned = true;
                displaced = 0.0;
            }
        }
        if (motion > on[0] || turn > on[2] || returned) {
            if (motion <= on[0] && !returned && drifts(ring, p, at)) {
                resting = at, rest = steady;
                settled = resting + (int64_t)(1.0 / p[REST]) + 1;
            } else {
                is_open = true;
            }
        }
        if (!is_open) {
            double share = at > settled ? p[REST] : max(p[REST], 1.0 / ((double)(at - resting) + 1.0));
            rest = rest + share * (load(row + SLOWLY) - rest);
        }
    }
    store(floors, s + FLOORS);
    s[DISPLACED] = displaced;
    store(rest, s + REST_V);
    i[RESTING] = resting;
    if (is_open) {
        i[INDEX] = at - 1;
        open_bout(ring, p, s, i);
    }
    i[INDEX] = at;
}

static int64_t move_until(double *ring, const double *p, double *s, int64_t *i, int64_t until, double *out, int64_t found) {
    int64_t at = i[INDEX], last = i[LAST], hum_since = i[HUM_SINCE], hum_paused = i[HUM_PAUSED];
    double grain_on = s[GRAIN] < p[GRAIN_MOST] ? p[GRAIN_ON] * s[GRAIN] : 0.0;
    double up = 1.0 + p[FLOOR_STEP_ACTIVE], down = 1.0 - p[FLOOR_STEP_ACTIVE];
    double off_share = p[OFF_SHARE], motion_back = p[MOTION_BACK], speed_back = p[SPEED_BACK];
    double still = p[HUM_WANDER] * p[HUM_WANDER];
    double motion_peak = s[MOTION_PEAK], speed_peak = s[SPEED_PEAK], peak = s[PEAK];
    double hum_motion = s[HUM_MOTION], hum_speed = s[HUM_SPEED];
    axes factors = {p[ON_FACTOR], p[SPEED_FACTOR], 0.0, 0.0};
    axes lowest = {max(p[ON_LEAST], grain_on), p[SPEED_LEAST], 0.0, 0.0};
    axes rise = {up, up, 1.0, 1.0}, fall = {down, down, 1.0, 1.0};
    axes fall_fast = {1.0 - 3.0 * p[FLOOR_STEP_ACTIVE], down, 1.0, 1.0};
    axes floors = load(s + FLOORS), hum = load(s + HUM_V), rest = load(s + REST_V);
    bool is_over = false, is_hum = false;
    for (; at < until && !is_over && !is_hum; at++) {
        const double *row = row_of(ring, at);
        double motion = row[MOTION], speed = row[SPEED];
        axes on = larger(factors * floors, lowest), steady = load(row + STEADILY);
        floors = floors_after(floors, (axes){motion, speed, 0.0, 0.0}, rise, fall, fall_fast);
        motion_peak = max(motion_peak, motion);
        speed_peak = max(speed_peak, speed);
        axes beyond = load(row + LIGHT) - rest, wander = steady - hum;
        peak = max(peak, sqrt(total(beyond * beyond)));
        hum_motion += motion;
        hum_paused += motion < off_share * on[0];
        hum_speed += speed;
        if (total(wander * wander) > still) {
            hum_since = at, hum_motion = hum_speed = 0.0, hum_paused = 0, hum = steady;
            i[WANDERED] = 1;
        } else if ((double)(at - hum_since) >= p[HUM]) {
            double length = (double)(at - hum_since);
            axes lifted = steady - load(s + BEFORE_V);
            bool lasts = (double)hum_paused <= p[HUM_PAUSES] * length;
            if (lasts && hum_motion / length < p[HUM_MOST] && total(lifted * lifted) < still) {
                floors = larger(floors, (axes){hum_motion / length, hum_speed / length, 0.0, 0.0});
                is_hum = i[WANDERED] == 0;
            }
            hum_since = at, hum_motion = hum_speed = 0.0, hum_paused = 0;
        }
        if (motion > max(off_share * on[0], motion_back * motion_peak) || speed > max(on[1], speed_back * speed_peak))
            last = at;
        is_over = (double)(at - last) >= p[QUIET];
    }
    store(floors, s + FLOORS);
    s[MOTION_PEAK] = motion_peak, s[SPEED_PEAK] = speed_peak, s[PEAK] = peak;
    s[HUM_MOTION] = hum_motion, s[HUM_SPEED] = hum_speed;
    store(hum, s + HUM_V);
    i[LAST] = last, i[HUM_SINCE] = hum_since, i[HUM_PAUSED] = hum_paused, i[INDEX] = at - 1;
    if (is_hum) {
        i[ACTIVE] = 0;
        i[LIMIT] = i[RESTING] = at - 1;
    } else if (is_over) {
        close_bout(ring, p, s, i, out + found * COLUMNS);
        found++;
    }
    i[INDEX] = at;
    return found;
}

int64_t run(const double *x, int64_t size, const double *p, double *s, int64_t *i, double *ring, double *out, double *looks) {
    int64_t found = 0, look = (int64_t)p[LOOK];
    for (int64_t first = 0, end; first < size; first = end) {
        if (i[STARTED] == 0) start(x + 3 * first, p, s, i, ring);
        end = least(first + least(BLOCK, look - i[INDEX] % look), size);
        end = step_of_chip(x, first, end, s);
        filter(x, first, end, p, s, i, ring);
        int64_t until = i[INDEX] + end - first;
        while (i[INDEX] < until) {
            if (i[ACTIVE] == 0)
                rest_until(ring, p, s, i, until);
            else
                found = move_until(ring, p, s, i, until, out, found);
        }
        if (until % look == 0) {
            looks[LOOK_FLOOR] = s[MOTION_FLOOR];
            looks[LOOK_ACTIVE] = (double)i[ACTIVE];
            memcpy(looks + LOOK_REST, s + REST_V, 3 * sizeof(double));
            looks += LOOKS;
        }
    }
    return found;
}
