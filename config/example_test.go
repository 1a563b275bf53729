package config_test

import (
	"fmt"
	"os"

	"gild/config"
)

// A command line becomes a Config; everything after that works with the Config alone.
func Example() {
	env, err := config.SystemEnv("3.11", false)
	if err != nil {
		fmt.Println(err)
		return
	}
	env.Lookup = func(name string) (string, bool) { return "", false } // this machine's environment is no part of the example
	c, err := config.Parse("start-server", []string{"app.wsgi", "--thr", "8", "--host=127.0.0.1", "--setenv", "STAGE", "test"}, env)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println(c.Groups[0].Threads, "threads on", c.Listeners()[0].Address, c.SetEnv)
	// Output: 8 threads on 127.0.0.1:8000 [{STAGE test}]
}

// A site with HTTPS by itself: the certificate is obtained, and the ports are the usual ones, of UDP as well.
func ExampleConfig_PacketListeners() {
	env, err := config.SystemEnv("3.11", false)
	if err != nil {
		fmt.Println(err)
		return
	}
	env.Lookup = func(name string) (string, bool) { return "", false }
	c, err := config.Parse("start-server", []string{"app.wsgi", "--server-name", "www.example.com", "--https-only"}, env)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println(c.Listeners(), c.PacketListeners())
	fmt.Println(c.HTTPS.Automatic.Names, c.HTTPS.Automatic.Parent)
	// Output:
	// [{tcp :80 http} {tcp :443 https}] [{udp :443 https}]
	// [www.example.com] example.com
}

// A misspelt option is a complaint with a suggestion. The program prints it and ends with status 2.
func ExampleUsageError() {
	env, _ := config.SystemEnv("3.11", false)
	_, err := config.Parse("start-server", []string{"app.wsgi", "--theads", "8"}, env)
	fmt.Println(err)
	// Output:
	// Usage: gild start-server script [options]
	//
	// gild: error: no such option: --theads (did you mean --threads?)
}
