package cpython

var stories = map[string]func(){}
