package cpython

// #include <stdlib.h>
// #include "engine.h"
import "C"

import "unsafe"

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// A cmemory is C memory with one lifetime.
type cmemory struct{ blocks []unsafe.Pointer }

func (m *cmemory) alloc(size C.size_t) unsafe.Pointer {
	block := C.calloc(1, max(size, 1))
	if block == nil {
		panic("cpython: out of memory")
	}
	m.blocks = append(m.blocks, block)
	return block
}

func (m *cmemory) free() {
	for _, b := range m.blocks {
		C.free(b)
	}
}

func (m *cmemory) string(s string) *C.char {
	text := C.CString(s)
	m.blocks = append(m.blocks, unsafe.Pointer(text))
	return text
}

func (m *cmemory) optional(s string) *C.char {
	if s == "" {
		return nil
	}
	return m.string(s)
}

func (m *cmemory) strings(list []string) **C.char {
	block := m.alloc(C.size_t(len(list)) * C.size_t(unsafe.Sizeof(uintptr(0))))
	for i, s := range list {
		unsafe.Slice((**C.char)(block), len(list))[i] = m.string(s)
	}
	return (**C.char)(block)
}

func (m *cmemory) interpreters(list []Interpreter) *C.gild_interpreter_config {
	block := m.alloc(C.size_t(len(list)) * C.sizeof_gild_interpreter_config)
	for i, in := range list {
		c := &unsafe.Slice((*C.gild_interpreter_config)(block), len(list))[i]
		c.name, c.own_gil = m.string(in.Name), flag(in.OwnGIL)
	}
	return (*C.gild_interpreter_config)(block)
}

func (m *cmemory) applications(list []Application) *C.gild_application_config {
	block := m.alloc(C.size_t(len(list)) * C.sizeof_gild_application_config)
	for i, a := range list {
		c := &unsafe.Slice((*C.gild_application_config)(block), len(list))[i]
		c.interpreter, c.spec, c.name = C.uint32_t(a.Interpreter), m.string(a.Spec), m.string(a.Name)
	}
	return (*C.gild_application_config)(block)
}
