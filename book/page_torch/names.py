"""What torch has and the page has not, so that a name that is missing here is told from a mistake."""

from __future__ import annotations

import base64
import functools
import zlib
from typing import Any


class NotInPage(AttributeError):
    """torch has this; the page has not."""


def not_in_page(what: str) -> NotInPage:
    """The error for what only torch itself can do."""
    return NotInPage(f"{what} is not in the page: run this in JupyterLab")


@functools.cache
def known() -> dict[str, set[str]]:
    """By module, the public names of torch."""
    text = zlib.decompress(base64.b85decode(PACKED)).decode()
    return {
        home: set(names.split()) for home, _, names in (line.partition(": ") for line in text.splitlines())
    }


def missing(home: str, name: str, told: str) -> AttributeError:
    """The error for a name that is not here: the page's if torch has it, else torch's own text."""
    there = name.removesuffix("_") in known().get(home, ())
    return not_in_page(f"{home}.{name}") if there else AttributeError(told)


class Absent:
    """A method that torch's tensors have and the page's have not; it is there, and refuses."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        raise not_in_page(f"torch.Tensor.{self.name}")


def absent(cls: type) -> None:
    """Give a class an `Absent` for each method that it lacks."""
    for name in known()["torch.Tensor"]:
        if not hasattr(cls, name):
            setattr(cls, name, Absent(name))


PACKED = (
    "c-p;O+j87El6~K=z!z+^N*+(I-(<-b?MSvllDlK~g@GbbRkV0BL6%hh`aLHT;H55ZchAg*T|goMf*_Dc<PGZTHr>227r%Wl7isDW*V?X"
    "b-?eSsnu{X0{%UD1+I3&LsvCfZ#---1tI|zr+o#LATIK7p{O-l2eV5nOLuWg0-WGNGWZw3xm20o^v@@5sC{P9DrEPp)ICEKNOv)xNEFb"
    "(*<(-rZ*SXnC@vgK5^0v<K;Nz}wZ~MH+Tx+hJYcA_%ck9af(Js;JmGiF6ZIOSsI-0t*Ylj{>_tKfG+_TjqzyEz-rEGE(`Oq)Z!g|lj#&"
    "+rEA8t2=A6#c-zV2O9w}7{ts&_AG(PwVb?n7_e%nXxrSJ=wDx1B9?vft;0yWBX;%JAZJ<4TKS*SF4maFwo&`Ow<zA+=a40du|%K(o<Q-"
    "%z)leP^yeV;a&nZ}{YYUq518u90uO$vgKTH9DE*2J4hp>zjJLM%S9XwcZ)6m$m!EmHJfIO=$JG(Lr5TtJ-|-yU#1mf4kFfy1T#r?c(uW"
    "^7-z;+}YNaSUIJEyPeK4KKkBSuHOXndyAp9=Hbh&(E(n{{7>Lv!4xN5j^K3{W@<!X{`atZUEJipn}B<bZ(X;kGc%j6Y2hIdnu`y7UVe4"
    "Mn6z-$)|jkrXC8h)l@I8{aOLtezD66!LOgV>v!!|1m2d01VE(?SZAai5MDX}OckhzRkMA!3asBCod9-WuxM}Nty=nSx*q!FFwJDZa$>Y"
    "nzyX3>o=eHL($<;fo63h3GH&+q)`}O0;<mUSA<LCR!kLC-;@S81qXYA7RR~J1xu_NOETzg42#%30jwsnc!u9F4>KFda2X<tU1{FY_OEY"
    "0$*<YiwlS8ORbbf0~#b9|~@t@6qx>o(7l^{_L*Solke8UwXOv$08rS+9FMfEOakD@nA_7+b9|#kSfRTN@B)wMMB;<r^g1F!y{)GAVYp3"
    "fUs$M7ty-b)$2TPo5^WSl6KAP3aR?k*VM#+qJwHne@2!<QK@FHx4`8`owqmAhsO9#HY67ZUCxtmFHJ_+qM=%mT~E*WK23D9Zy#{>$`;0"
    "8^FZ~o&yAnNC6K3h7Zn4Mw?U)Ur?>bs=PW@wFdJsleJxfrMoKg0CY8%w#5s(E_u$YtbRrroG_{Cww!<oAA1ICOh7|rceJK;S)aOT)j`{"
    "}?J$X$H6A%9@EAw8Nz%Hn=4}oh>YEIkBjQszh+fVYX6f3h?u#Nf%M~}?*=w`R3lO4h0aUi#C23oGu6PH!+vy97dY!W$%pzY+pf14y0I<"
    "+`=?2-$uaYlbUP=DyWg)p>pL36mRAmEPxK)?<O}^>|R8@~~-40-zuQ&TmUszvYeoI>o%fo{@$#U=wSv|6tWn0@!Xuxl5<NO4n)HuV`X4"
    "!)VIx?{o9Seb_paSP}6q^=26y$8M$61lpJ<sXX<pq+WH>u33NjEmHz#%%a02GQ9)2ea>Mgcj3&uG~vg}h=~B6X*mx^Vt!Hvk~vt!up-5"
    "#U{0DS}rd-x{7yKB>W+N{pU8^wpEW!4EDWDLGbzu<t}9z<fyFMAn{Sf3?Z5Z&HgR9LSt~)D=K5%(5b3;hYCuk!W}dcorc2xR_^wR$pGu"
    "&Jw%KBfd3(8e@L8_|=RA8lcy&097*6l7Rtr>>A{Q<f|k}v)TC^VgySV5H@#XvqYP8`MR%rpRBMOw3qFfRBRWTookkK%QOIBp1#3co@IN"
    "8#XcfD%d>;$Z;FlL^EH9CO>2k6t~npzy-3LAUAc5w2DXE(<bA|?tW;saVlnO9S0Mii2XKwj)}#%lya7eE@<f-0NBhh&sjB4o38HlqMx}"
    "_^c=s_0*d16D>Gz=O1bUc@P$#4CmWvn1ko$z^YSW1<oA#y9A2JeOU+P}!OW$*h*eF(xRdn3A?{%J;%&lx+bdzt(+<HNlow;v4mYbUtM;"
    "3n|Q)Js5JXW?p6P<MdSLj@Tx&paGU^tnwe6>Qdwiu$3oz0}pmyivz5f(D%;f^0pHj{x{1r87o>CA)gWWFhK!m>%S4l=&MKWG>(ulTtGI"
    "gAiiY+7oauyJ4-P=};Rkw3WrVy~7mHZ8{4h~;<)>#?24G3UM+&RStyyW%fp0-j>rOT*uSNqNSUXS&-tv$9Wa=$r3MA`?^6JJLW|>QKL2"
    "yRuC5d`VW#+3V!lk(ZyY0erpy-GCN^uk5vi<n-(DJ|;DP(8n;~c|Q#nD-j3`qs?DrRI|!qnnMe-a+aD+G8fb$b|~Z2TICSzFelJ4R(!A"
    "^;bCB8tW1hlvOY6<fW*UDa<E0oUnOo)o~^3nB_O~hCI2;XugddPH81twhw|Ub#T1^^{aXHlvKAo-Jv$Diu0xsxT3>PVuDEqqCH5`Ys^g"
    "wR{$y5=$B~ebR&Bj>RSw20ya&ZH$qLS%!YiH-0#)DuI{}xXSesSPDMF%zzJhim30Kgv#&hE9Ew=|{wt5NfJ`f=4IqBZ4UW`giW}RjR(("
    "u}S1I1I-Tf1&@vNe68TXTj!f?6MMnIA{L6n27+JS_008EVpKDt2dX*{|`TS*)BqNsv`ktBB!rf;PL2mXuh6+yP<5rMV~lvl8>oJ%Zz<N"
    "xBVI4`Ob_Ps=T)*NbMgj;i?@wPceaPn3_$IR3OiIek_>XSwbhrHOUh^OrzgLMNRO>1bnlEUcp-M>aFUZRR&^4q;|vDIf_o5iFky$sxK_"
    "5ON6m26}311;2^v#>Uw#CIS<>!8;C4;|=CLm6QrWIYQ9tHst3U<>$zxAY6UZFU@Ax-~`BjG2!IUEH%08^SlH{&r5RCByZ!Y?IRM|3}Fl"
    "4gWU@c;{XZQP!I}mfPyNa1rIeMWzC8|=wOu+2<!9t;u4Yb&~uLcSMolJO{vp`p;n6DnIx~7E|{E4BH$|~e`6xmuciEVCciSl&>D8Caw?"
    "C1s0p@!N<phoQbB-@isYnnikgX?$7`_bj^U5t@)K>jMJM<uj|vFc68T9*7|L9g)YW|0Q(*x`*@mR9MihNuxRa(23`;dD$hu9NRc<X=kO"
    "~1}M^SA2E)P=V)P`OyECd6|1KRe*6K33QErd+UD0vvZEuQVpPhO<fhTN}6A_TzYnSiD|7LBP}Yq6;V9yA5g^c~K&uXepgKVPv$o-9<eH"
    "tyV~f~SXhYQch@y3JPXE`{Bpg%BJ-o{vQeFyrZgK^AUp(_L~X!Gn>o0ro4Cz=I0ictyT!p}Hc+NwH?;!6eWb^g1NVCIzyV-`OvcHcS^x"
    "phm4a9&UiK^JEwik_IZG20X=0YQxYvM3;>)71s!3`Xl%fV5y8_S`Xbp04#i0N}~J_kpE^1wD0jhsCWSSO1K_$-9B#N(zaNX1akP(z{*P"
    "NpQMVJvX1~qQ8yNqZv+iB2s|8A096hM1-`;?iY6wn5mY@7D~_|t5BSB{<XphKgy35`kW=X(fHR|+H7;-IT5x6_iOLZL!p;<{ed+v$CyJ"
    "r`!EGsh<>dQQO($Tcs?H&5)OC*3ox+dWPOOajSSV*ub2eg^IP&(k0{B#j&bDt+<UDEB>_J5ZfpxGVsle)E^>nW1nDYVCvKwwWgR@HxhO"
    ")*k2VFvxa#$8GK$fGn0W1c+5(kA5!hoO>Z9M`v#V!DCjpg>#VahH3hn+}vK|bHrJbMVrl1nbD4oJml>~+9i8nrFBMWy=RWIY3B-*OVrQ"
    "M?YtiG&d_6HXH_3Zn-wR{R8MXb{Ansob;7M&({QyW&>Cs#UcrPmu+OTm+;%HQJw8^Ta8Ua2i?0bb%uTCRO!nRMFPh`-Q3TQb|<Stugar"
    "xG{CR{?;Nbnf4q77N?~)=M6akxqM^uR!EKK4v%kOaNt6w2!L0&ixy@ZsYxx!_E|P`BZ}@3t?m$|M_RNo%^LU}dIpzB&7t}?!OWUbbu~?"
    "n|3Oq}@|Vf_YN@Y=a-DmRO%d{>qKd%1*VKh=neLSMcsR+Df_s@p_A=6jmhC;7#o@QjaV+Viv~;t9JOV2c!vvC*SgRs{V-qu%(EhTflL`"
    "=43`F*Q2eu*77VFLye4?y7op}rrB>HWxJd@1kC{JhDK2j)6WC+$s6XYY-d{e>fo5)`vm~XQ1XcRYCP*_z7KBmZ<Bg*?RT$1f7TVnM_6?"
    "n2wM<iwYSxHZ|5hcgnytv<Fa>yJa7srt2QzRK4mwvxn;^|lz@IJ>j$Z8IUqVCHp1!%Jt;8%m4zsSHU*iI7Nt%NxJAs>;IrXvEKGb70xb"
    "<MPPi&+=piP{+{Qb3Sui#<!BzBOw6LDoRuQl$+H1au8Tr45@o*9ZE}1oXP!iJ{b>vTQ7n;{m4LDQaiype<K{MB6f`>v8VPd=lf-nfV;H"
    "wItnt{eraT6k&g;cGPMw{u>UH)<aeD>Id`u3R1Eis4WU6As6i@!a>#X;GXG*ClmOz$Ufe!#hEiS5NSrULDcaa!_0w>Qg@(t_?cB;rg-?"
    "{27?3i(e_8$9&NWi-fw;yeYBg=?r?yfw%;>I_ydE)6caZ81b@O%;eTX((8?bAc;>?4NYqRz@+T}5e$PU|a?_$!-KaU%&rB99O>`XN*Le"
    "MgA`O(Kl162*(=*{HkkNxheFwkPh$qq)G_u5_NlODs1r>l+fv7jAj4pDMZo!ZxOP@}_f!-r#3hq@>BgJl|!E3*wo`Cz6<NMNs_oaRcj+"
    "Iy>&V(2^Bvo;qOa;?NgNJNl4~E$~X3jzT^yo@Av}||ZW&9-~>xoVnHPUE_79P+qAxCqcLg@3`jK4t|@z1ugFMKBeh*1D`Wg?E9)~cGr?"
    "hbK0wN)i%rCLt~BC{MT$gm~vv@9#foNJGq3LJC&S^^y8uB6qzGo1xTX9B{4)+TZu9oE7X!(2v5N2XE>bP#mG->ei24SwY&9t~naphafn"
    "z=qfytfe4uCg6Js36cAVljqE+ij1BTLf?@>z+U&{txA(X6p{?u848R@N`mevQWS8#B$HOXi*{eY*cjvh5CELf1EUu+QLlC)IXxvk*HjC"
    "yB>kJD+UT{S{%-Vi?XmZ8X!KPyhWAyz+Nr!+P&7pu<Q6hnb_qP%5+&zoA~rCTWKz}N849`z)54Ulfe(b-`_oYm1}`hT*;+Z2w^n{i<6E"
    "w5T$gR`o_PRAJ5nsmDZedkW41b+t?rg*3s?gto;Nh$7IobiwV8PH0v59~FHLVm(v#F{DuTs-2vPj!qY&5|^U*x+hq6q<SN=j+$}9loFy"
    "v$mH))^?CVw^7<ev*8@iCz7M*$>JYaW9+j>SF<5e@&A_=LkC1V$L_=*qTzy21Qm+Q#iUk0%&H2{d}3{WCEEf8_d~`17fGq~h2g$8o~No"
    "@AKXr0Lp;hh4ni$&Y>DhraE>uT7b8c&+-jf8ZzP`^_+j(H&fgHeCL@9m6GmSoln;#7%tE865n->iDJGx6s%lIgNhG5lcGM44h=*nXS+b"
    "jrihF4CyfHKjB*Zc}L&q+uL`m)vD1admgsvu;R*yj29eT1XtB5XVTyYnmT)qdT{ofHNiJ?$`vC{7&#{PohwSWf7;Qaq#FGv-4VYBh+A9"
    "<y0K2V7$!T2rSK4Uz|VLT<{kun7&;;?^VsXTbb{s4Tr7bCHS#hs?@jy*Y5<#i8XA6~AjjZ>0|$f?entrE78;CB2^EG1NJP-VFF^>piDW"
    "YTBTk5)^gp0^DT$2hz}s-d#qa}9!YMC-DlW<Yv&UfWC^+;Clpjs`Xdq%N5~j(&(DMIs+-N^Fzz+sxab$|K<<O}7GX~|E0l9R4*@DcI)t"
    "gGJut>l=D4!h~e3c#3<jY^8K{f+42p_~qR007p*%AmWiJ;166N~X5n2AY1Q@b!t!5Rl~#O~X7U`0vQPAsNXqE3^E<@CqKPZ~1+jrPYQC"
    "daAGtS*z21}}&S87G?2;4OBy=UK3+>!-1VFX|XUrm<lf#uS^-!``OuhnBOW2DEQ|4vkB#`V(^+bDp$nP8+Rif6l(vQ7a8y6OQjWW+;m%"
    "i5kg%$_jSe$kipm%)w6)MjWUlIc54dV)GC+`JXj>hzJ%ya+?T;IovB!wo%8(N%O;xEf3kgsX_9jUah<v(7|{mJNk$ff~KW9SP5v6IA(?"
    "TX%j%y{Z*3}WuB5Lfp7)`;_yei4qvY4<N%4?Xj+=I5(ChrG;5hkOHrNGdT?MbIAI^?PiXv-a1$I+)mOAxP-B-c#UH8a|Aca0aRAv6-XK"
    "T1S4~_La46bQ+cw*p0i>Auplquuxu;DB<+-Zfn2X?vz1Xhr)Z4I!SsY-_N6byVe$Z|3J4Sv(RVG&5+Lyf!17>l6VTTMIyb7+&$ymlQ4D"
    "Wt>`A%MhTwltde8tcg^9d_~CkJ>jf%$X{^VfT92AzE|myegy!KJeNhv0F$%-fW7a%VI2I4Lb=CG>h3BCkWsv9y?#v?W<0->k9Nml}(Gs"
    "j=A19w!mlv+`oEEbSRW{Vqmw=~oEuVT`K2q>lMcZ!%~LB5rMSbN>l_UO|!MrLLmD5f#@U<QPJL76XLWa?*yEj?i0Z8SgdhbGD%G!+v?s"
    "-SVDnM}iqgf;hn89Uu6T5B%NB?~=}z54QKbg7E3)M!w_&-Q8ST^Kn#}1Pt6>;O89rHzDCt9~u2NpR$kr(zOCzXH+dQY1bhrEYQ=mxR@6"
    "))_>ew<y(3F=1jA@K*0(uB7n9x50AH!$OqlfJ1-w_W54gF6g(?0_R8m44m1?O#RyIsOzG(Ww>W|e&+g5@K5B7@3J>1s4!d#oX?O3if)O"
    "Fv0W}_?KL@YI4W*=ehe3gp>Lh{Tgq0n6kGXwNmT)Wf+<OfL3Yf@+Mq(RD4A7UV8R`{YOklPl?Sw0Qllzkj%4Ne_3h*~}=?Z<nzIZ@#ko"
    "y(;WhnO91-FQ}=OS^390R(OX}k*&4_7hZVYrI9e<?GTWPEoFB#1ms3SWkxf;$Z+h;O{VeUNFs|MZDJxvPj=C^h7Ylkp76Yosg6W4sP4E"
    "O1s{?3K@1#_5#W=>t>5VjqD=9>@<KAi1jT$2{aL2V!_A>l$Z)Zoa)4k5m$J^eqr1Kjux*Ym>k{1f+=gu&dHxznMpJ4kn@5<KVH7ZNu{)"
    "%P@hjAlqk0QL^Qy_;=Mo(}0Ri#a%J^q#1^%U?d5t{W1tBUsOQ(QiZ5j+AqSvH^YsD^rg{o<p_|gha(dcHzGd);XF@;|Aj=MYZ#yr$Lom"
    "$RWtaej=uI4_&sHFnx@x&8sILf0*6ME5~kWib5zxup+Di2YKHNCgMt&|JC<Xt2h>(^TMUxUe~zzsW8OwPG}#1Z?(6`wIKZ6Cb$5Bkhx_"
    "ZR<l*A>?&e)`{ps=D{oUuAi^uEFpOV|pSMMHX^>-InSJ$6Dgc@aR_{#YW-ydGEorK68;LcB7#67^x!xIl0EV5&`KX~Za+t2qO8gFOqU*"
    "z@PwW5|L&>0xbHNAs6{p#^!rx#CubYJr)E^(qmXDgZ*<z9cdx43^h@n3&m?k6w8&Aw&`vmEYM4boXQNN3p~o$*Uf-K{!tSBG3;H3(r-v"
    "N(#Jukn#4=h<=W{K0jQ=EhjIHOIc@PwnQz^@;h_34jcI0@&m0ioq0#<;w~vyW%j8JAQ6WA4S8>AR2C>Xvn)02M_O~lAg46tO6=oZt-a+"
    "E?7{=RPf-&fomDX*SQ!hUYu#eX_z?0DUC}Clpo?^=d@B#W}<OHgr@N5+*%taplIT53(#VK&QAqa|CPw+#fc{8)8OdCCVe$|RbNdy?W1s"
    "3a`j3&DP?pNr4q_g$#Cp2E<)U&S~>Oj3#Oomb_&foo7J5P#f{{v)=ipGYV79?l=B8;d?Zp;gHC@Y-g6S?8LWIEc}>G!i<2?U$qTz3ZRx"
    "WxHfbsb%Pa}jA}wTfm*}J2I8(85vbzF?kaRUz&{z<OD~W`9Fjb>@Ol2(}Wi3C-T0Y8J!F1#MMy>_vhp0(u6uG+9`65=0@gm1VIi@%vtT"
    "^@BA{uU@uoHn~I8_ErrGm~VNKiI;GYSLz>nprzB_fpkX&e4Ao8RcCwnZ9Dww6BJU<WW+PG=%-mOj~Bu6u=WuviTCq!>ai0n!HZvZ>WS8"
    "%<@jPz@fL_|S{p=7D9PX(+`?jh`65MYWhW<}t}6K1ag?c{L#1(~|IpNuYqpj-H=ZaJ3vSoaXe-=S9}KYP|j4^y<fszTm!W5;<tGdTvX%"
    "?+eaFbr}YSY}lxDo`#EH1hrkbipQ|GLG)wE_scL+@te{GNC%9z$D-546NE=`zR<6dCGj(~Gz?ygvAvdt*LgDm2jl#3Ct+^0591%o;oJ6"
    "FMJzV<ehu$`p6GjCclhky_pATl51Jfw5+-$YLJYG$pnm*{<GoMZ4vE<8r>pB{>p3;yo5^yjMOl4S691+)+QGKTz5{{lJ*YP{FkBRC{Yy"
    "rN!6W)77^s>kZ_&T5AYmC2JQ1TJ^y2z@!vqBEV-BgI?!6;7;zTK1r5l_-_FiN~qWaDRj1}Q(lX^A9r5T&{)0Ts$^OV0*Z~mOVwInb-37"
    "c>d(sC>h(TNuB5PX|>ID%J$UL6;l9LZ=pkAaIa5o*L|H{nl-$g?qE%%vJ7Cf~w0hSiaq9&gOW!-p#xgfmxkmO%La3%Ot*w&GHf-zCL~a"
    "`X26hX-@p(^4X}pTi&fXwAKp?{6RYhdj)^r0oAeIHpuiRL!E5J0c{vmadLOBi-oq09zaWhDe}(FRmJ)#P9{|>W$I(-@bZoZ8PaTA&;Dt"
    "DHM#sAnZzA^BX53u=#4!)pN$IbzAdw+XV4W{c!w4K@vFcn!=_O-;2rBgUGWI4MdH1YIR#}zcvzn7X}^w;Ln@k&y$&3aCvG9pCkg}`twk"
    "67cPBV@NWoEEs2Qmm*Qek|592k=^vz0OHInZGX<(yO1PXxoQt=72uqVcEyLKubcjix|G@@zaVpQyI0g`Sk*B+OVnDVT=J~*qAdl%SazJ"
    "teSD;y`*__lI4)lTj`^8=_)o5I+-l-XGt_FXYT!diA2YocMf@9b{WNQb0HeOGScddBgNn!~Oui)tA(6LOi9RkxQ(|9zz{KROtVU_+5^n"
    "TX2"
)
