package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"gild/config"
	"gild/server"
)

// packets returns the UDP socket of an address, followed by what the processes that serve it share it with. It lives as long
// as the socket: generations that overlap must agree about it.
func (s *socketStore) packets(l config.Listener) ([]*os.File, error) {
	socket, err := s.packetSocket(l)
	if err != nil {
		return nil, err
	}
	files := []*os.File{socket}
	key := func(i int) string { return fmt.Sprint("share ", i, " of ", l.Address) }
	if s.files[key(0)] == nil {
		share, err := server.NewPacketShareFiles()
		if err != nil {
			return nil, err
		}
		for i, f := range share {
			s.files[key(i)] = f
		}
	}
	for i := range server.PacketShareFiles {
		files = append(files, s.files[key(i)])
	}
	return files, nil
}

// packetSocket returns the UDP socket of an address, opened if it is not.
func (s *socketStore) packetSocket(l config.Listener) (*os.File, error) {
	key := l.Network + " " + l.Address
	if f, ok := s.files[key]; ok {
		return f, nil
	}
	socket, err := new(net.ListenConfig).ListenPacket(context.Background(), l.Network, l.Address)
	if err != nil {
		return nil, err
	}
	defer socket.Close() // the file is the same socket
	f, err := socket.(*net.UDPConn).File()
	if err != nil {
		return nil, err
	}
	_ = server.EnlargePacketBuffers(f) // only root may; who serves says what there is
	s.files[key] = f
	return f, nil
}
