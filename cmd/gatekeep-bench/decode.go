package main

import (
	"bufio"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// decoded is what one benchmark of the SBOM decoder measured.
type decoded struct {
	time      time.Duration
	allocated int64 // bytes, over the whole decoding
	live      int64 // bytes that the index holds
}

var benchmark = regexp.MustCompile(`^\s*Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// decodings are the figures of the benchmarks by name, "Decode/10000".
func decodings(text string) map[string]decoded {
	found := map[string]decoded{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		m := benchmark.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		var d decoded
		fields := strings.Fields(m[2])
		for i := 1; i < len(fields); i++ {
			value, err := strconv.ParseFloat(fields[i-1], 64)
			if err != nil {
				continue
			}
			switch fields[i] {
			case "ns/op":
				d.time = time.Duration(value)
			case "B/op":
				d.allocated = int64(value)
			case "live-B":
				d.live = int64(value)
			}
		}
		found[m[1]] = d
	}
	return found
}

// decodeTargets are the promises about reading an SBOM.
func (r *report) decodeTargets() []target {
	d := decodings(r.benchmarks)
	large, haveLarge := d["Decode/10000"]
	huge, haveHuge := d["Decode/200000"]
	perLarge, perHuge := large.time/10_000, huge.time/200_000
	return []target{
		{"CycloneDX JSON of 10,000 components to its index: at most 30 ms", milliseconds(large.time), haveLarge && large.time <= 30*time.Millisecond},
		{"the same: at most 20 MiB", memory(large.allocated) + " allocated", haveLarge && large.allocated <= 20*mib},
		{"a component of 200,000 costs at most 3 times one of 10,000", ratio(perHuge, perLarge), haveLarge && haveHuge && perHuge <= 3*perLarge},
	}
}

// decodeTable shows the decoder beside the library of the format's own people.
func (r *report) decodeTable() string {
	d := decodings(r.benchmarks)
	var b strings.Builder
	b.WriteString("\n## Decoding an SBOM\n\nCycloneDX JSON to the index that rules look things up in; one goroutine, so that time is\nCPU time but for the collector. Beside it cyclonedx-go, which only decodes.\n\n| components | time | allocated | held | time a component |\n|--:|--:|--:|--:|--:|\n")
	for _, n := range []int{100, 1_000, 10_000, 50_000, 200_000} {
		if one, ok := d[fmt.Sprintf("Decode/%d", n)]; ok {
			fmt.Fprintf(&b, "| %s | %.1f ms | %.1f MiB | %.1f MiB | %.2f µs |\n", thousands(n), float64(one.time)/1e6,
				float64(one.allocated)/mib, float64(one.live)/mib, float64(one.time)/1e3/float64(n))
		}
	}
	if one, ok := d["Library/10000"]; ok {
		fmt.Fprintf(&b, "| 10,000, cyclonedx-go | %.1f ms | %.1f MiB | | %.2f µs |\n", float64(one.time)/1e6, float64(one.allocated)/mib, float64(one.time)/1e7)
	}
	return b.String()
}
