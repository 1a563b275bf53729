package main

import "context"

// A group is a part of the benchmark that can be run alone, and is a part of the page of its own.
type group struct {
	Name, Title string // of the -groups flag; of the part
	Servers     []server
	Cases       []string // names
	Quick       []string // those of them that -quick measures
	Programs    func() []version
	Measure     func(b *bench, ctx context.Context, present []server, out *results)
	Render      func(p *page, r *results)
}

func (g group) name() string { return g.Name }

// groups are the parts of the page, in order.
func groups() []group {
	return []group{
		{"http", "Benchmark", servers(), names(workloads()), []string{"hello"}, httpPrograms, (*bench).measureHTTP, (*page).http},
		{"tls", "Benchmark of HTTPS", secureServers(), append(names(secureCases()), idleCase().Name), []string{"handshake", "h2"}, tlsPrograms,
			(*bench).measureTLS, (*page).https},
		{"site", "Benchmark of what is around an application", siteServers(), names(siteCases()), []string{"file"}, noPrograms,
			(*bench).measureSite, (*page).around},
	}
}

// everything lists what the groups have, each name once.
func everything(of func(group) []string) []string {
	var list []string
	seen := map[string]bool{}
	for _, g := range groups() {
		for _, name := range of(g) {
			if !seen[name] {
				seen[name] = true
				list = append(list, name)
			}
		}
	}
	return list
}
