module bastion/benchmarks/peers/go

go 1.19
